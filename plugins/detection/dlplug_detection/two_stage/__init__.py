"""Detectors of two stages, by torchvision's classes: Faster R-CNN, and Mask R-CNN."""
