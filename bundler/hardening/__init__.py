"""An overrides file with what a bundle can do without, proposed from what its files tell."""
