"""Q-networks: torsos, heads and representations of returns."""
