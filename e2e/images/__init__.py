"""The container images of the demo and the end-to-end tests: ``python3 -m e2e.images build``.

Docker builds where its daemon runs, and buildah without any daemon elsewhere. An image is built
again only when something it is made from has changed.
"""
