"""A compose project: its services and their order, addresses and volumes; and project.json, which records them."""
