"""hypseg: per-pixel segmentation in hyperbolic space, with a confidence for every pixel."""
