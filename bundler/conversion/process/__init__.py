"""What runs in the container, as whom, and with which rights."""
