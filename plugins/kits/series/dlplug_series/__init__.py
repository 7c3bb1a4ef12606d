"""Time series for plugins of dlplug: the UCR and UEA archives' format."""
