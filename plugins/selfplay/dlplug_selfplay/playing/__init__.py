"""Self-play as data: games in lock-step, and a replay of their positions."""
