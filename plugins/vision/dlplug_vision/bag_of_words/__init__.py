"""Dense SIFT, visual words and a linear support vector machine, beside a convolutional net on the same images."""
