"""Play: the protocol of policies, evaluation episodes and their scores, and videos of them. It registers nothing."""
