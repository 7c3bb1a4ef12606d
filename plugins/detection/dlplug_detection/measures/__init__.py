"""Average precision of boxes and masks, in COCO's form and in that of VOC 2007."""
