"""Seatrial gives a set of services their sea trial from one custom resource.

The layers, from the top: ``handlers`` and ``cli`` start things, ``engine`` runs plans, ``plan`` decides,
``build`` makes Kubernetes objects, ``kube`` talks to the API server, ``probe`` checks services, ``load``
generates and merges load, ``report`` words results, ``api`` holds the models all of them share.
"""

__version__ = "0.1.0"
