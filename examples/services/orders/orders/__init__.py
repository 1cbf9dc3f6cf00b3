"""The orders service: takes orders, keeps them in PostgreSQL, reserves their stock at the inventory."""
