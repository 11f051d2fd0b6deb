"""A bundle's rootfs beside what the layers of its image are: what bundler has made to mount onto is of neither."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.support.tree import Node, differences, tree


def own_mount_points(bundle: Path) -> set[str]:
    """Their paths below rootfs, without the directories that had to be made above them."""
    listed = json.loads((bundle / "bundler.json").read_bytes())["mount_points"]
    return {path.removeprefix("/") for path in listed}


def without(nodes: Mapping[str, Node], paths: set[str]) -> dict[str, Node]:
    return {name: node for name, node in nodes.items() if name not in paths}


def image_differences(bundle: Path, unpacked: Mapping[str, Node]) -> dict[str, tuple[Node | None, Node | None]]:
    """What the rootfs has, but for its mount points, that `unpacked` has not, and the other way round."""
    own = own_mount_points(bundle)
    return differences(without(tree(bundle / "rootfs"), own), without(unpacked, own))
