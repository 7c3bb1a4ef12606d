"""Figures drawn with matplotlib for several plugins, without a display. It registers nothing."""
