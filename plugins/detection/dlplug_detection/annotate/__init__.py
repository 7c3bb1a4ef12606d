"""What networks see in anybody's pictures and films: drawn over them, at their own resolution."""
