"""Reverse-mode differentiation of a small computation graph, step by step."""
