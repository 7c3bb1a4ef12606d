"""Plugins: the hooks, how plugins are found, loaded and isolated, and how signatures are read."""
