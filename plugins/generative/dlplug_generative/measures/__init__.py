"""Metrics of samples: fidelity, diversity, coverage, memorisation, and the features for them."""
