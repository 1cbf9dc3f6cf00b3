"""Runs plans: gathers what was seen, performs what was decided, writes status in one place."""
