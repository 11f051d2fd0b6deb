"""How a container is connected, and what its machine publishes for it."""
