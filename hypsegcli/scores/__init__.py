"""From labels and confidence planes to counts: what is counted of an image, and the sums over all of them."""
