"""Figures: what several plugins draw with matplotlib, without a screen. It registers nothing."""
