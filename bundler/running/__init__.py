"""Running a bundle: everything is checked first, then its runtime is called, with words that could be typed by hand."""
