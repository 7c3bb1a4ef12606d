"""1-D networks."""
