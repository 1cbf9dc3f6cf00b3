"""The commands of people and pipelines: ``seatrial validate`` and ``seatrial run``."""
