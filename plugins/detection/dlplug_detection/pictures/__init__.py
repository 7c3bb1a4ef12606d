"""Pictures of detectors' work: boxes and masks over images, precision-recall curves, the worst mistakes."""
