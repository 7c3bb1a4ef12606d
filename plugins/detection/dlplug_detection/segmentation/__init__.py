"""Segmentation: the class of each pixel. Data with class maps, U-Net and SegNet, their loss, metric and pictures."""
