"""bundler turns a container image into an OCI runtime bundle, without a Docker daemon."""

__version__ = "0.1.0"
