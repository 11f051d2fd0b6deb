"""The store: images fetched from registries, kept in an OCI image layout that every tool for layouts can read."""

from typing import Final

VARIABLE: Final = "BUNDLER_STORE"
