"""What is written for an image: one file a kind of output, and a line for each in the registry."""
