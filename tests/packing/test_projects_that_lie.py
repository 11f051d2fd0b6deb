"""A packed project that says what is not so is refused, by whoever reads it, and nothing of it stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.archives.tar import TarReader
from bundler.archives.tar_writer import END, encode_entry, padding
from bundler.bundles.verification.comparison import Change
from bundler.errors import BundlerError, DifferenceError, ImageError
from bundler.packing.packing import pack
from bundler.packing.unpacking import unpack
from bundler.upkeep.verification import verify
from tests.support.built_projects import build_shop
from tests.support.tarballs import directory, file, hard_link, symlink

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def shop_of_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shop(tmp_path_factory.mktemp("images"), rootfs="erofs")


def told(packed: Path) -> list[Change]:
    return list(verify(packed).changes)


def rewritten(packed: Path, order: Callable[[list[bytes]], list[bytes]]) -> Path:
    """The archive with its entries in another order, or others among them."""
    entries = []
    with packed.open("rb") as stream:
        reader = TarReader(stream)
        for entry in reader:
            content = b"".join(map(bytes, reader.content()))
            entries.append(encode_entry(entry) + content + padding(len(content)))
    packed.write_bytes(b"".join(order(entries)) + END)
    return packed


def behind(name: str, *more: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Further entries behind one of that name."""

    def add(entries: list[bytes]) -> list[bytes]:
        at = next(number for number, each in enumerate(entries) if each.startswith(f"./{name}\0".encode()))
        return [*entries[: at + 1], *more, *entries[at + 1 :]]

    return add


def instead(name: str, *others: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def exchange(entries: list[bytes]) -> list[bytes]:
        at = next(number for number, each in enumerate(entries) if each.startswith(f"./{name}\0".encode()))
        return [*entries[:at], *others, *entries[at + 1 :]]

    return exchange


def at_the_end(*more: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda entries: [*entries, *more]


def said(text: bytes, other: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """A project.json that says something else."""

    def lie(entries: list[bytes]) -> list[bytes]:
        content = entries[1][512:].rstrip(b"\0")
        assert content.startswith(b"{")
        assert text in content
        return [entries[0], bytes(file("./project.json", content.replace(text, other))), *entries[2:]]

    return lie


# What each of them does is refused by verify and by unpack, or told and refused.
LIES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a name twice": behind("project.json", bytes(file("./project.json", "{}"))),
    "a bundle twice": at_the_end(bytes(directory("./app/"))),
    "a document behind what it speaks of": lambda entries: [
        *(each for each in entries if b"db/rootfs.mtree\0" not in each[:100]),
        *(each for each in entries if b"db/rootfs.mtree\0" in each[:100]),
    ],
    "another order": lambda entries: [*entries[:2], *reversed(entries[2:])],
    "project.json last": lambda entries: [entries[0], *entries[2:], entries[1]],
    "no root": lambda entries: entries[1:],
    "nothing but the root": lambda entries: entries[:1],
    "nothing but project.json": lambda entries: entries[:2],
    "a name that leads out": at_the_end(bytes(file("../../z"))),
    "a bundle that leads out": said(b'"name": "app"', b'"name": "../"'),
    "a bundle that is the volumes": said(b'"name": "web-1"', b'"name": "volumes"'),
    "a bundle that is not there": said(b'"name": "app"', b'"name": "apq"'),
    "a service of no folder": said(b'"service": "app"', b'"service": "a/p"'),
    "a volume that is not there": said(b'"rows"', b'"more"'),
    "a project.json of another format": said(b'"format": 1', b'"format": 9'),
    "no project.json at all": said(b'"format": 1', b'"format": x'),
    "a link between bundles": behind("db/rootfs/bin/sh", bytes(hard_link("./db/rootfs/bin/x", "./app/rootfs/bin/sh"))),
    "a link to a document of another": instead(
        "db/config.json", bytes(hard_link("./db/config.json", "./app/config.json"))
    ),
    "a link from a volume into a bundle": at_the_end(bytes(hard_link("./volumes/rows/x", "./app/rootfs/bin/sh"))),
    "a link from a volume to another": at_the_end(bytes(hard_link("./volumes/rows/x", "./volumes/empty"))),
    "a link from a volume to project.json": at_the_end(bytes(hard_link("./volumes/rows/x", "./project.json"))),
    "a link to an image that is none": behind(
        "db/rootfs.mtree", bytes(hard_link("./db/rootfs.erofs", "./app/rootfs.erofs"))
    ),
    "a bundle that is a symlink": lambda entries: [
        *(each for each in entries if not each.startswith(b"./db/")),
        bytes(symlink("./db", "app")),
    ],
    "something below a symlink": at_the_end(
        bytes(symlink("./volumes/rows/up", "../..")), bytes(file("./volumes/rows/up/app/config.json", "{}"))
    ),
    "volumes that are a symlink": lambda entries: [
        *(each for each in entries if not each.startswith(b"./volumes/")),
        bytes(symlink("./volumes", "app")),
    ],
    "what no project has": at_the_end(bytes(file("./z", "x"))),
}


# What `verify` does not read on for, and is verified on the disk.
HARMLESS = ("a document behind what it speaks of", "no root")


def refusal(packed: Path) -> str:
    """What `verify` says of it."""
    try:
        return " ".join(change.path for change in told(packed))
    except BundlerError as error:
        return error.what if "shop.tar" in error.what else ""


@pytest.mark.parametrize("name", LIES)
def test_a_packed_project_that_lies_is_refused_and_leaves_nothing(shop: Path, tmp_path: Path, name: str) -> None:
    packed = rewritten(pack(shop, tmp_path / "shop.tar").path, LIES[name])
    assert refusal(packed), name
    if name in HARMLESS:
        unpack(packed, tmp_path / "again")
        assert verify(tmp_path / "again").changes == ()
        return
    with pytest.raises(BundlerError, match=r"shop\.tar"):
        unpack(packed, tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.tar"]


def test_a_shared_image_that_may_be_written_to_is_refused(shop_of_images: Path, tmp_path: Path) -> None:
    def open_up(entries: list[bytes]) -> list[bytes]:
        return [
            bytes(file("./db/rootfs.erofs", (shop_of_images / "db/rootfs.erofs").read_bytes(), mode=0o644))
            if each.startswith(b"./db/rootfs.erofs\0")
            else each
            for each in entries
        ]

    packed = rewritten(pack(shop_of_images, tmp_path / "shop.tar").path, open_up)
    assert [change.path for change in told(packed)] == ["web-1/rootfs.erofs", "web-2/rootfs.erofs"]
    with pytest.raises(DifferenceError, match=r"rootfs\.erofs differs"):
        unpack(packed, tmp_path / "again")


def test_a_link_to_a_folder_that_is_called_like_a_bundle_is_none_to_its_image(
    shop_of_images: Path, tmp_path: Path
) -> None:
    retarget = instead(
        "web-1/rootfs.erofs",
        bytes(directory("./web-1/db/")),
        bytes(file("./web-1/db/rootfs.erofs", b"another", mode=0o444)),
        bytes(hard_link("./web-1/rootfs.erofs", "./web-1/db/rootfs.erofs")),
    )
    packed = rewritten(pack(shop_of_images, tmp_path / "shop.tar").path, retarget)
    with pytest.raises(ImageError):
        told(packed)
    with pytest.raises(BundlerError):
        unpack(packed, tmp_path / "again")
