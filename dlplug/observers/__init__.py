"""The observers of every run: the console, metrics.jsonl, TensorBoard."""
