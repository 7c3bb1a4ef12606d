"""GTP, the Go Text Protocol, version 2: engines as opponents, and our networks as an engine."""
