"""What was changed in a bundle becomes a layer of an image, by umoci."""
