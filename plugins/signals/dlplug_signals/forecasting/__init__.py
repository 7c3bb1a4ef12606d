"""Forecasting of time series: data cut into windows, networks, and the baselines that they are compared with."""
