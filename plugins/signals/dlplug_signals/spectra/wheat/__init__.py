"""Protein of single wheat kernels from near-infrared spectra."""
