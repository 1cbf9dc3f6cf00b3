"""The load generator and its statistics.

``worker`` runs in a worker pod, alone and without a cluster; ``statistics`` is what the operator merges the
workers' lines with. They share ``line`` (what a worker prints), ``histogram`` and ``assignment``, nothing else.
"""
