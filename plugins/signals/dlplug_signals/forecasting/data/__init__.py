"""Time series by name: ETT, M4, generated seasons, anybody's CSV."""
