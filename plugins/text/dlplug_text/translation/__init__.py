"""Translation: encoder-decoders, loss, search, metrics and samplers."""
