"""Root filesystems whose names are in memory. Content stays in the layers, or goes into an image of a file system."""
