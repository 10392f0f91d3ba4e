"""What is written for an image: one file a kind of output; `files/kinds.py` lists them."""
