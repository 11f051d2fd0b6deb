"""The bundle on disk: stage, write, rename."""
