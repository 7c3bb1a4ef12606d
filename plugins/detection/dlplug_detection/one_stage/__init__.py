"""A detector of one stage: each cell of one feature map predicts boxes, with anchors (YOLO) or without (FCOS)."""
