"""Language models: networks, loss, metrics, generation, and inspection of activations and gradients."""
