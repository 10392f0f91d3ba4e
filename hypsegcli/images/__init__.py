"""Files to arrays and back; knows no model."""

MAX_PIXELS = 178_956_970  # where Pillow itself refuses by default: 2 * (1 GiB / 4 bytes / 3 channels)
