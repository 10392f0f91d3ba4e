"""Masks and stored maps: which file judges which, what their ids mean, what is wrong with them."""
