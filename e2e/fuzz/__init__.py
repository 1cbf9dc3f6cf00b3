"""Random specs against the real API server and operator: each must come to an end that a person understands."""
