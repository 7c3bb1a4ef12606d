"""Reinforcement learning for dlplug: DQN on Atari in the real emulator."""
