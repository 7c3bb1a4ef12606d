"""Tiny versions of harder kinds of learning, none of which the contract has a word for: PPO, an actor-critic with two
optimizers, self-play against past selves with a search tree, a detector of padded boxes, L-BFGS, an autoregressive
sampler of audio, and a full-batch graph."""
