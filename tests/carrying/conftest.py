"""A registry, and keys."""

from tests.support.signed_images import keys, pairs, served

__all__ = ["keys", "pairs", "served"]
