"""What players play in: N environments that step together, of Atari games or of Gymnasium."""
