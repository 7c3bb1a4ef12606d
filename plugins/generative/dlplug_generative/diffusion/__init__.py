"""Diffusion: schedules, denoisers, sampling, and the variational bound."""
