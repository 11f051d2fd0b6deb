"""What a container sees of files: its root, Docker's mounts, the user's, and what they are mounted onto."""
