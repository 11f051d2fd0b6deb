"""What `scripts/fuzz` feeds mutated bytes to: the readers of hostile ones, by subject."""
