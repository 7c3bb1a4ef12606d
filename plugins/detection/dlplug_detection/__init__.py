"""Objects and masks in pictures: detectors, segmentation nets, and their metrics."""
