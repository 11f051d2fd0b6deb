"""What `docker inspect` or `podman inspect` says of a container becomes an overrides file."""
