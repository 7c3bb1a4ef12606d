"""Players of known strength: greedy, minimax, exact solvers."""
