"""The store: images fetched from registries, kept in an OCI image layout that every tool for layouts can read."""
