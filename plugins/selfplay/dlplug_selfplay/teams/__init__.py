"""Team play: three against three, by PPO with memory against itself and its past."""
