"""Checks that the operator itself makes: readiness probes and HTTP steps, always through a Service."""
