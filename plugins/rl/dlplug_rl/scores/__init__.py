"""`dlplug scores`: scores of runs, normalised, aggregated and drawn."""
