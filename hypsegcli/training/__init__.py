"""From a folder of images and masks to a checkpoint."""
