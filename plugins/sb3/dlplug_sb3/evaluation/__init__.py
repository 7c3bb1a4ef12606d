"""How well an algorithm plays: episodes, their scores, and films of them."""
