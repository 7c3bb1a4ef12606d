"""Spectra and other series that are classified: data, 1-D nets, and the classical methods beside them."""
