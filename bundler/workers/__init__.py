"""Processes beside this one, and what they and it have in common."""
