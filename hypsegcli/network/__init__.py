"""Image tensor in, embedding and logits out; knows only the number of nodes."""
