"""The replay buffer, uniform and prioritised."""
