"""Players, the data of reinforcement learning: with a replay buffer, or with rollouts."""
