"""What readers of tar disagree about: a layer gives the tree that dockerd gives, or is refused, and never another one.

Every difference in who refuses what is decided here, in writing. Docker's own reader is Go's archive/tar, behind it
stand the archive of the layer's headers (tar-split) and the unpacker, which know less than it does.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.errors import BundlerError
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.docker import Docker, docker_daemon
from tests.support.docker_trees import DockerTrees, leaves_of_tree
from tests.support.layers import stored_layer
from tests.support.tar_cases import every

pytestmark = [pytest.mark.root, pytest.mark.tool("dockerd"), pytest.mark.tool("docker")]
# Of the generated ones, these many are asked for each time: all of them take dockerd a quarter of an hour.
STEPS = {"kind": 37, "size": 29, "order": 41, "number": 43, "prefix": 13, "sparse": 9, "record": 7, "name": 5}

ACCEPTED_HERE = {
    r"kind: (contiguous file|dump directory|old sparse file)": (
        "Go's reader reads it so, and Docker's unpacker has no case for the type: no reader sees another tree"
    ),
    r"(kind|order): .*(volume label|V\b)": "GNU tar's label for the tape is no file to a reader, unless it has content",
    r"name: twice": "tar-split keeps one entry of a name; containerd, podman and umoci let the last one win",
}
REFUSED_HERE = {
    r"name: .* slash behind it, v7 file, size 512": "Go takes the content for the next header, others pass over it",
    r"number: [ug]id .*(negative|large)": "Linux has no such owner; Docker lets the kernel cut it, or root keeps it",
    r"number: (major|minor) .*(negative|large)": "Linux has no such device; Docker lets the kernel cut it",
    r"size: .* PAX: a minus": "no content has a negative size, also where none is stored",
    r"global: (\.|/|\.wh|d/\.wh|\.\.)": "a whiteout, or a way out, as the name of what makes no file",
    r"sparse: .* (version|major alone|no sizes|empty sizes)": "what Go takes for a plain file, or one of another size",
    r"(sparse|record): .* (signs?|plus|negative uid)": "numbers with a sign, which no writer writes",
    r"record: in a global header, .* none": "Go loses which of the other records counted, its name among them",
    r"record: .*no key": "a record that says nothing",
    r"end: (a PAX header|a long name)": "what an extension was for was cut off",
}


@pytest.fixture
def docker() -> Iterator[Docker]:
    """A daemon that makes each tree with its own unpacker: overlayfs would have a say in what a whiteout is."""
    with docker_daemon("vfs") as daemon:
        yield daemon


def chosen() -> dict[str, bytes]:
    cases = {}
    seen: dict[str, int] = {}
    for name, layer in every().items():
        kind = name.partition(":")[0]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] % STEPS.get(kind, 1) == 0:
            cases[name] = layer
    return cases


def decided(table: dict[str, str], name: str) -> bool:
    return any(re.match(pattern, name) for pattern in table)


@pytest.mark.timeout(600)
def test_a_layer_has_dockers_tree_or_none(docker: Docker, tmp_path: Path) -> None:
    trees = DockerTrees(docker)
    wrong = {}
    for number, (name, layer) in enumerate(chosen().items()):
        root = tmp_path / str(number)
        root.mkdir()
        unpacked = trees.unpacked(layer)
        theirs = None if unpacked is None else leaves_of_tree(unpacked)
        try:
            unpack([stored_layer(layer)], root)
            ours = leaves_of_tree(root)
        except BundlerError:
            ours = None
        if ours is not None and theirs is not None:
            difference = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
            is_right = not difference
        else:
            is_right = ours == theirs or decided(REFUSED_HERE if ours is None else ACCEPTED_HERE, name)
        if not is_right:
            wrong[name] = (ours, theirs)
    assert not wrong
