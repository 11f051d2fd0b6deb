"""A bundle run by its runtime, with nothing that could not be typed by hand."""
