"""Where an image is sampled: densely at the boundaries between classes, sparsely within them."""
