"""Random specs against the real API server and the real operator: each must come to an end that a person understands."""
