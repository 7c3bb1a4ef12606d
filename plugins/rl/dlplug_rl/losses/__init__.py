"""Q-learning: its targets, and the losses of each algorithm."""
