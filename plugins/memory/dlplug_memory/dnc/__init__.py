"""The Differentiable Neural Computer."""
