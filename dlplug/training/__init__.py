"""The loop and all that it is made of: trainer, optimizers, checkpoints, CUDA graphs, devices."""
