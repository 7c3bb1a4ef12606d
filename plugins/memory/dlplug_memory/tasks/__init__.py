"""Generated tasks, each with batches that are a pure function of the seed and the count."""
