"""One file a family of metrics: what is counted of an image, and the scores that counts give."""
