"""What both images and layers are wrapped in: compression and tar, read as streams of hostile bytes."""
