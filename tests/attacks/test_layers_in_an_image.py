"""Every attack by a layer on an image of a file system: it ends as on a disk, and the image holds what a disk would."""

from dataclasses import replace
from pathlib import Path

import pytest

from bundler.rootfs.inventory import Inventory
from bundler.rootfs.remove import remove_tree
from bundler.rootfs.unpacking.unpack import unpack
from tests.attacks.attack import Attack
from tests.attacks.test_layers import EVERY
from tests.support.erofs_images import complaints, image_of, mounted, seen_by_bundler
from tests.support.tree import Node, differences, link_counts, tree

EARLIEST, LATEST = -(1 << 31) * 10**9, ((1 << 34) - (1 << 31) - 1) * 10**9
"""The times that ext4 keeps, which takes the nearest second for any other."""


def as_on_ext4(nodes: dict[str, Node]) -> dict[str, Node]:
    return {name: replace(node, mtime_ns=max(EARLIEST, min(node.mtime_ns, LATEST))) for name, node in nodes.items()}


@pytest.mark.root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("attack", EVERY.values(), ids=EVERY)
def test_an_attack_ends_in_an_image_as_on_disk(tmp_path: Path, attack: Attack) -> None:
    layers = attack.written_out(tmp_path / "outside")
    root, beside = tmp_path / "root", tmp_path / "beside"
    for folder in (root, beside):
        folder.mkdir()
    with Inventory(tmp_path) as of_image, Inventory(beside) as of_disk:
        if not attack.is_applied:
            with pytest.raises(attack.error) as raised:
                image_of(tmp_path / "image", layers, limits=attack.limits, inventory=of_image)
            assert type(raised.value) is attack.error
            assert attack.says in raised.value.what
            return
        image = image_of(tmp_path / "image", layers, limits=attack.limits, inventory=of_image)
        unpack(layers, root, limits=attack.limits, inventory=of_disk)
        assert list(of_image.lines()) == list(of_disk.lines())
    on_disk = as_on_ext4(tree(root))
    assert differences(on_disk, as_on_ext4(seen_by_bundler(image))) == {}
    with mounted(image) as where:
        assert differences(on_disk, as_on_ext4(tree(where))) == {}
        assert link_counts(where) == link_counts(root)
    assert complaints(image) == ""
    remove_tree(root)
