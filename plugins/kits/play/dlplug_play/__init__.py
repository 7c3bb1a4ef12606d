"""Play: the protocol of what acts, episodes played and scored, and films of them. It registers nothing."""
