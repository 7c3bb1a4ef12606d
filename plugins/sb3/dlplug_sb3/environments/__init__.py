"""What Stable-Baselines3 plays: Atari games, and Gymnasium's environments."""
