"""Images with boxes from files, in the layouts of VOC and of COCO."""
