"""Unpacking: the layers of an image are applied to a root filesystem, on disk or in memory, or by umoci."""
