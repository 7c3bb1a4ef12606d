"""The network that judges positions."""
