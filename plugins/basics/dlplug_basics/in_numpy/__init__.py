"""A network in plain NumPy, and how the trainer runs it."""
