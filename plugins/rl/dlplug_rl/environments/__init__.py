"""Vectorised environments for the players: Atari games and Gymnasium's."""
