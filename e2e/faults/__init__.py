"""Faults between the operator and the API server, for tests: nothing that is shipped imports this."""
