"""Tree search over many games at once: arrays with a row per game, and one call of the network per simulation."""
