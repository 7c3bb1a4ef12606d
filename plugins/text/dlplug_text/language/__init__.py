"""Language models: networks, loss, metrics, generation and what is inside of them."""
