"""Data that play: with a replay buffer, or rollout by rollout."""
