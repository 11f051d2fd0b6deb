"""What a Docker daemon makes of a layer: the tree that its unpacker writes to its store, or that it refuses it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tests.support.docker import Docker
from tests.support.tarballs import file, tarball
from tests.support.tree import Node, tree


@dataclass(frozen=True)
class DockerTrees:
    """`docker` stores its layers by the driver `vfs`: each is a folder."""

    docker: Docker

    def unpacked(self, layer: bytes) -> Path | None:
        """What becomes of the layer; None if the daemon refuses it."""
        answer = self.docker.ask("POST", "/images/load?quiet=1", _image(layer)).decode()
        if '"errorDetail"' in answer:
            return None
        store = self.docker.socket.parent / "data"
        (kept,) = store.glob(f"image/vfs/layerdb/sha256/{hashlib.sha256(layer).hexdigest()}/cache-id")
        return store / "vfs/dir" / kept.read_text()


Leaf = tuple[str, str, str, str, int]
"""Type, content (a digest, a target, numbers), mode and owner, the first other name, time in seconds."""


def leaves_of_tree(root: Path) -> dict[str, Leaf]:
    """What lies below a folder, which has no attributes here: those of one without an entry differ by unpacker."""
    return {name: _leaf(node) for name, node in tree(root).items() if name != "."}


def _leaf(node: Node) -> Leaf:
    """Docker sets the time of a file from before 1970 to 0, where umoci and this unpacker keep it."""
    if node.type == "directory":
        return node.type, "", "", "", 0
    owner = f"{node.mode} {node.owner[0]}:{node.owner[1]}"
    return node.type, node.content, owner, node.same_as, max(node.mtime_ns // 10**9, 0)


def _image(layer: bytes) -> bytes:
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/f"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
    )
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    return tarball(file("layer.tar", layer), file("config.json", config), file("manifest.json", json.dumps(manifest)))
