"""Play: the protocol of policies, episodes and their scores, and films of them. It registers nothing."""
