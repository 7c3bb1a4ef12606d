"""`dlplug exercise`: functions of the plugins' own that a student writes."""
