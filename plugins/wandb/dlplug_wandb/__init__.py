"""Weights & Biases for dlplug: every run logged, online or offline, never a prompt."""
