"""The Poincaré disk of images as a figure."""
