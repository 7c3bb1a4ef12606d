"""Networks that forecast a window's horizon from its input."""
