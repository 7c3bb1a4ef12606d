"""Language models: networks, loss, metrics, generation, and a look at activations and gradients."""
