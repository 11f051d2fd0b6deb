"""Every attack by a layer: nothing outside changes, and what is refused or on disk is what the table says."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from bundler.errors import LayerError, ToolError
from bundler.images import layer_entries
from bundler.limits import DEFAULTS
from bundler.rootfs.inventory import Inventory
from bundler.rootfs.memory.outline import Outline
from bundler.rootfs.paths import join
from bundler.rootfs.remove import remove_tree
from bundler.rootfs.unpacking.unpack import unpack
from bundler.rootfs.unpacking.unpack_partially import unpack_partially
from tests.attacks.attack import Attack, attributes_of, leaves
from tests.attacks.compression import COMPRESSION, LIMITED
from tests.attacks.dialects import DIALECTS
from tests.attacks.links import HARD_LINKS, SYMLINKS
from tests.attacks.metadata import METADATA
from tests.attacks.names import NAMES
from tests.attacks.types import TYPES
from tests.attacks.whiteouts import WHITEOUTS
from tests.support.forked_workers import forked_workers
from tests.support.tarballs import file
from tests.support.tree import Node, differences, paths_below, tree

GROUPS = {
    "names": NAMES,
    "symlinks": SYMLINKS,
    "hard links": HARD_LINKS,
    "whiteouts": WHITEOUTS,
    "types": TYPES,
    "metadata": METADATA,
    "dialects": DIALECTS,
    "compression": COMPRESSION,
    "limits": LIMITED,
}
EVERY = {f"{group}: {name}": attack for group, attacks in GROUPS.items() for name, attack in attacks.items()}
every = pytest.mark.parametrize("attack", EVERY.values(), ids=EVERY)
OVER_A_LIMIT = ("larger than 1", "unpack to more", "have more than", "bytes, over ", "are stored, over")
MOST = 1 << 20
WANTED = {b"canary", b"x", b"f", b"h", b"l", b"new"}


HERE, APART = 1 << 60, 0  # the least size of a layer that is read apart


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    with forked_workers():
        yield


@pytest.fixture(params=[HERE, APART], ids=["read here", "read apart"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads the layers makes no difference."""
    monkeypatch.setattr(layer_entries, "SMALLEST_APART", request.param)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})


@pytest.fixture
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inventory]:
    """As each build has one: who reads the layers hashes files, and tells of several at once."""
    with Inventory(tmp_path_factory.mktemp("inventory")) as inventory:
        yield inventory


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the root, with things worth overwriting, linking to, and deleting."""
    directory = tmp_path / "outside"
    (directory / "sub").mkdir(parents=True)
    (directory / "canary").write_text("alive")
    (directory / "sub/canary").write_text("alive")
    (directory / "link").symlink_to("canary")
    (tmp_path / "canary").write_text("alive")
    return directory


def surroundings(tmp_path: Path) -> tuple[dict[str, Node], str, list[str]]:
    """All that lies around the root."""
    return (
        tree(tmp_path / "outside"),
        (tmp_path / "canary").read_text(),
        sorted(path.name for path in tmp_path.iterdir()),
    )


def made(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


def expected(attack: Attack, outside: Path) -> list[str]:
    place = str(outside)
    return sorted(
        line.replace("-> {outside}", f"-> {place}")
        .replace("../{outside}", f"../{place}")
        .replace("{outside}", place.lstrip("/"))
        for line in attack.on_disk or ()
    )


def test_there_are_enough_of_them() -> None:
    assert len(EVERY) >= 300


@pytest.mark.root
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("reader")
@every
def test_an_attack_ends_as_the_table_says(tmp_path: Path, outside: Path, attack: Attack, inventory: Inventory) -> None:
    root = made(tmp_path)
    before = surroundings(tmp_path), os.umask(0o022)
    layers = attack.written_out(outside)
    if not attack.is_applied:
        with pytest.raises(attack.error) as raised:
            unpack(layers, root, inventory=inventory, limits=attack.limits)
        assert type(raised.value) is attack.error
        assert attack.says in raised.value.what
        assert raised.value.what.isprintable()
        assert ("--limit" in (raised.value.hint or "")) == any(words in raised.value.what for words in OVER_A_LIMIT)
    else:
        unpack(layers, root, inventory=inventory, limits=attack.limits)
        assert leaves(root) == expected(attack, outside)
        assert {path: attributes_of(root / path) for path in attack.attributes} == attack.attributes
    assert (surroundings(tmp_path), os.umask(0o022)) == before
    remove_tree(root)


def outlined(outline: Outline) -> dict[str, tuple[int, bytes]]:
    """Every path of a tree in memory: its type, and what a file holds."""
    found = {}
    pending = [b""]
    while pending:
        path = pending.pop()
        kind = outline.kind(path)
        if kind == stat.S_IFDIR:
            pending += [join(path, name) for name in outline.names(path)]
        found[os.fsdecode(path)] = kind, outline.read(path, MOST) if kind == stat.S_IFREG else b""
    return found


def on_disk(root: Path) -> dict[str, tuple[int, bytes]]:
    """The same of a directory."""
    found = {}
    for name in paths_below(root):
        kind = stat.S_IFMT((root / name).lstat().st_mode)
        content = b""
        if kind == stat.S_IFREG:
            with (root / name).open("rb") as file:
                content = file.read(MOST)
        found["" if name == "." else name] = kind, content
    return found


@pytest.mark.root
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("reader")
@every
def test_in_memory_there_is_what_would_be_on_disk(
    tmp_path: Path, outside: Path, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = made(tmp_path)
    layers = attack.written_out(outside)
    before = surroundings(tmp_path)
    if not attack.is_applied:
        with pytest.raises(attack.error) as raised:
            unpack_partially(layers, WANTED, limits=attack.limits)
        assert type(raised.value) is attack.error
        assert attack.says in raised.value.what
    else:
        outline = unpack_partially(layers, WANTED, limits=attack.limits)
        assert surroundings(tmp_path) == before
        monkeypatch.setattr(layer_entries, "SMALLEST_APART", HERE)
        unpack(layers, root, limits=attack.limits)
        assert outlined(outline) == on_disk(root)
    remove_tree(root)


def made_by(unpacker: str, attack: Attack, tmp_path: Path, outside: Path) -> dict[str, Node]:
    root = made(tmp_path)
    try:
        unpack(attack.written_out(outside), root, unpacker=unpacker)
        return without_times(tree(root))
    finally:
        remove_tree(root)


def without_times(nodes: dict[str, Node]) -> dict[str, Node]:
    """A directory without an entry, and the one that holds it, have from umoci the time of their making."""
    return {name: replace(node, mtime_ns=0) if node.type == "directory" else node for name, node in nodes.items()}


APPLIED = {name: attack for name, attack in EVERY.items() if attack.is_applied and attack.limits == DEFAULTS}


@pytest.mark.root
@pytest.mark.tool("umoci")
@pytest.mark.parametrize("attack", APPLIED.values(), ids=APPLIED)
def test_umoci_makes_the_same_of_what_is_applied(tmp_path: Path, outside: Path, attack: Attack) -> None:
    native = made_by("native", attack, tmp_path, outside)
    before = surroundings(tmp_path)
    try:
        difference: object = differences(native, made_by("umoci", attack, tmp_path, outside)) or None
    except ToolError as error:
        difference = error
    assert surroundings(tmp_path) == before
    assert (difference is not None) == bool(attack.umoci), difference


REFUSED = {name: attack for name, attack in EVERY.items() if not attack.is_applied}


@pytest.mark.root
@pytest.mark.tool("umoci")
@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_refused_for_umoci_too(tmp_path: Path, outside: Path, attack: Attack) -> None:
    root = made(tmp_path)
    before = surroundings(tmp_path)
    with pytest.raises(attack.error) as raised:
        unpack(attack.written_out(outside), root, unpacker="umoci", limits=attack.limits)
    assert attack.says in raised.value.what
    assert list(root.iterdir()) == []
    assert surroundings(tmp_path) == before


@pytest.mark.root
def test_a_bomb_ends_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bundler.rootfs.usage.RATIO_COUNTS_FROM", 1 << 20)
    bomb = Attack(([file("f", bytes(20 << 20))],), compress=zstandard.compress)
    with pytest.raises(LayerError, match="became more than 1000 times as much"):
        unpack(bomb.written_out(tmp_path), made(tmp_path))
    assert (tmp_path / "root/f").stat().st_size < 4 << 20
