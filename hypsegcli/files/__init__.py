"""Files that appear whole or not at all, and work in threads ahead of whoever waits. Knows no image."""
