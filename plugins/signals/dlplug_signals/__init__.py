"""Spectra and time series: classification and forecasting beside their classical baselines."""
