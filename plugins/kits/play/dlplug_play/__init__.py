"""Play: the protocol of policies, evaluation episodes and their scores, videos of them, and on-policy learning. It
registers nothing."""
