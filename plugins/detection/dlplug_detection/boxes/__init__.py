"""Data with boxes: their batches and splits, generated scenes, and the field's two file layouts (VOC and COCO)."""
