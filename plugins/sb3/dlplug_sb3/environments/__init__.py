"""The environments for Stable-Baselines3: Atari games and Gymnasium's."""
