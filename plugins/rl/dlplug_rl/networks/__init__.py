"""Q-networks: a torso, a head and how they represent returns."""
