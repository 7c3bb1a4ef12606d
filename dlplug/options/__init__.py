"""From layers of options to one resolved configuration."""
