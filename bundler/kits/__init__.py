"""Kits: folders with everything to run a bundle or a project on a machine that has neither a network nor Python."""
