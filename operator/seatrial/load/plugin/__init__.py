"""What runs inside Locust, by its Python: a folder of its own, because Locust lets scripts import what is beside it."""

from pathlib import Path

#: The plugin.
FILE = Path(__file__).with_name("seatrial_samples.py")
#: Environment variables of the plugin: the descriptor to write to, the length of the load, if it is not the script that
#: says how many users there are and for how long, and its stages, if it has any.
SAMPLES_VARIABLE, SECONDS_VARIABLE, STAGES_VARIABLE = "SEATRIAL_SAMPLES", "SEATRIAL_SECONDS", "SEATRIAL_STAGES"
