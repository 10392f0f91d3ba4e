"""The Poincaré disk of one image as a figure."""
