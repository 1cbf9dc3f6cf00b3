"""The sidecar that hands a Job's files over: alone in a pod, without a cluster."""
