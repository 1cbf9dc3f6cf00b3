"""Where events come in: kopf's registration, the process around it, and its health."""
