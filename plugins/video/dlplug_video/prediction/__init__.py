"""Prediction of a video's next frames."""
