"""What follows a run: the console, metrics.jsonl, TensorBoard."""
