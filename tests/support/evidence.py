"""What harden sees of a root filesystem that is a listing."""

from pathlib import Path
from typing import Any

from bundler.doctor.bundle_facts import accounts_of, seeker_of
from bundler.hardening.rootfs_facts import Evidence, gather
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.mtree import parse
from bundler.rootfs.owners import ignored
from bundler.rootfs.tree import Tree
from bundler.rootfs.unpacking.changeset import Selection
from bundler.rootfs.unpacking.unpack import unpack
from bundler.runtime_spec.runtime_config import RuntimeConfig
from tests.support.layers import layer
from tests.support.tarballs import Member


def evidence(
    folder: Path, document: dict[str, Any], *members: Member, ports: tuple[int, ...] | None = None
) -> Evidence:
    root = folder / "root"
    root.mkdir()
    with Inventory(folder) as inventory:
        unpack(
            [layer(*members)],
            root,
            inventory=inventory,
            owners=ignored(),
            selection=Selection(devices="placeholder"),
        )
        lines = (line for entry in inventory.lines() for line in entry.splitlines(keepends=True))
        with Tree.open(root, ignored()) as tree:
            accounts = accounts_of(tree)
            assert accounts is not None
            config = RuntimeConfig(document)
            return gather(config, seeker_of(tree, config), accounts, parse(lines), ports)
