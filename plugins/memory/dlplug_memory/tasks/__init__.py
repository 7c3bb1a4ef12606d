"""Generated tasks, whose batches are a pure function of the seed and of the number of sequences before."""
