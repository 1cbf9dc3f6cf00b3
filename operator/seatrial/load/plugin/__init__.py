"""What runs inside Locust, by its Python: a folder of its own, because Locust lets scripts import what is beside it."""

from pathlib import Path

#: The plugin.
FILE = Path(__file__).with_name("seatrial_samples.py")
#: Environment variables of the plugin: the descriptor to write to, and whether the script itself says how many users
#: there are.
SAMPLES_VARIABLE, SHAPED_VARIABLE = "SEATRIAL_SAMPLES", "SEATRIAL_SHAPED"
