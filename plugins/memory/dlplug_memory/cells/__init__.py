"""What the NTM and the DNC share: the unrolled cell, its controller, and content addressing."""
