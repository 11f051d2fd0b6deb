"""What makes a mount of config.json a bind. Workers load this with what they compare, so it imports nothing heavy."""

from collections.abc import Mapping

from bundler.origins import Json


def is_bind(mount: Mapping[str, Json]) -> bool:
    """Whether a mount, of a document that may be malformed, is one of files that are there already."""
    options = mount.get("options")
    listed = map(str, options) if isinstance(options, list) else ()
    return mount.get("type") == "bind" or not {"bind", "rbind"}.isdisjoint(listed)
