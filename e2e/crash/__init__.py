"""The crash test: an operator is killed after its k-th write, for every k of a run on a real cluster."""
