"""Pure builders: models in, Kubernetes objects out, as plain dictionaries."""
