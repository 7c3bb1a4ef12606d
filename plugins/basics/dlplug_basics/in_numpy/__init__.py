"""A network in plain NumPy, and its connection to the trainer."""
