"""The training loop and its components: trainer, optimizers, checkpoints, CUDA graphs, devices."""
