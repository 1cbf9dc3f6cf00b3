"""What is sold, and for how much."""

PRICES_IN_CENTS = {"A1": 1250, "B2": 400, "C3": 9900, "D4": 75, "E5": 2300}
