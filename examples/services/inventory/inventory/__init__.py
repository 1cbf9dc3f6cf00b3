"""The inventory service: how much of each SKU is available, and what each order has reserved."""
