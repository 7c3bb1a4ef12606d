"""Shared by the NTM and the DNC: the unrolled cell, its controller, and content addressing."""
