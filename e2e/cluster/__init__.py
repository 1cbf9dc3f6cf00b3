"""A real Kubernetes for development and end-to-end tests: ``python3 -m e2e.cluster``.

The program needs nothing but Python's standard library, because it runs before any virtual
environment exists. It uses, in this order, a context that the caller named, kind where a Docker
daemon runs, and else a cluster that it builds from source and runs in a network namespace of its
own. ``docs/cluster.md`` tells the whole story for users; each module tells its part for readers.
"""
