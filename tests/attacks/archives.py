"""Archives of images that hold what is no file, what is there twice, or two images in one."""

import bz2
import gzip
import json
import lzma
from typing import Any

import zstandard

from bundler.limits import DEFAULTS, Limits
from tests.attacks.documents import ONE, ImageAttack
from tests.support.image_files import Files, archive_of, as_json, docker_files, legacy_files
from tests.support.tarballs import (
    END,
    Member,
    character_device,
    directory,
    fifo,
    file,
    hard_link,
    header,
    padded,
    pax_header,
    symlink,
    tarball,
)

SAVED = docker_files({"one:1": ONE})
LEGACY = legacy_files({"one:1": ONE})
ENTRY: dict[str, Any] = json.loads(LEGACY["manifest.json"])[0]  # type: ignore[arg-type]
FIRST: str = ENTRY["Layers"][0]
CONFIG: str = ENTRY["Config"]
ODD = "is not an ordinary file"
TWICE = "is in the archive more than once"


def entries(*changed: dict[str, Any]) -> bytes:
    """The older form with other entries in manifest.json."""
    return archive_of(LEGACY | {"manifest.json": as_json([ENTRY | changes for changes in changed])})


def without(name: str, *instead: Member | bytes) -> bytes:
    """The older form with other members in place of the file `name`."""
    rest: Files = {other: content for other, content in LEGACY.items() if other != name}
    return b"".join(bytes(member) for member in instead) + archive_of(rest)


def more(*members: Member | bytes) -> bytes:
    """The older form with members in front."""
    return b"".join(bytes(member) for member in members) + archive_of(LEGACY)


def layer_as(*members: Member | bytes) -> bytes:
    return without(FIRST, *members)


PLAIN = archive_of(LEGACY)
ARCHIVES: dict[str, ImageAttack] = {
    "honest": ImageAttack(archive_of(SAVED)),
    "honest, of the older form": ImageAttack(PLAIN),
    "a layer that climbs": ImageAttack(entries({"Layers": ["../x", "../y"]}), "is missing (../x)"),
    "an absolute layer": ImageAttack(entries({"Layers": ["/etc/passwd", FIRST]}), "is missing (/etc/passwd)"),
    "a layer with a NUL": ImageAttack(entries({"Layers": ["a\0b", FIRST]}), "NUL"),
    "a layer with an escape": ImageAttack(entries({"Layers": ["\x1b[2J", FIRST]}), "is missing"),
    "a config that climbs": ImageAttack(entries({"Config": "../../etc/passwd"}), "no name of a file inside"),
    "an absolute config": ImageAttack(entries({"Config": "/etc/passwd"}), "no name of a file inside"),
    "the archive's own manifest as config": ImageAttack(entries({"Config": "manifest.json"}), "expected an object"),
    "a config that is a layer": ImageAttack(entries({"Config": FIRST}), "not JSON"),
    "a config under another's name": ImageAttack(entries({"Config": "0" * 64 + ".json"}), "is missing"),
    "layers of another order": ImageAttack(
        entries({"Layers": ENTRY["Layers"][::-1]}), "its diff_id is", when_read=True
    ),
    "one layer for both": ImageAttack(entries({"Layers": [FIRST, FIRST]}), "its diff_id is", when_read=True),
    "a config for a layer": ImageAttack(
        entries({"Layers": [CONFIG, ENTRY["Layers"][1]]}), "its diff_id is", when_read=True
    ),
    "an image without layers": ImageAttack(entries({"Layers": []}), "0 layers, but"),
    "no entries": ImageAttack(entries(), "holds no image"),
    "an entry that is a list": ImageAttack(archive_of(LEGACY | {"manifest.json": b"[[]]"}), "expected an object"),
    "tags that are numbers": ImageAttack(entries({"RepoTags": [1]}), "expected a string"),
    "a layer that is a symlink out": ImageAttack(layer_as(symlink(FIRST, "/etc/passwd")), ODD),
    "a layer that is a symlink that climbs": ImageAttack(layer_as(symlink(FIRST, "../../etc/passwd")), ODD),
    "a layer that is a hard link out": ImageAttack(layer_as(hard_link(FIRST, "/etc/passwd")), ODD),
    "a layer that is a link to itself": ImageAttack(layer_as(hard_link(FIRST, FIRST)), ODD),
    "a layer that is a fifo": ImageAttack(layer_as(fifo(FIRST)), ODD),
    "a layer that is a device": ImageAttack(layer_as(character_device(FIRST, 1, 5)), ODD),
    "a layer that is a directory": ImageAttack(layer_as(directory(FIRST)), "is missing"),
    "a layer with holes": ImageAttack(
        layer_as(
            pax_header({"GNU.sparse.size": "9", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1"}),
            file(FIRST, b"x"),
        ),
        ODD,
    ),
    "a layer that dangles": ImageAttack(layer_as(symlink(FIRST, "../gone")), "leads to gone, which is missing"),
    "a layer by a long way round": ImageAttack(
        layer_as(symlink(FIRST, f"../{'a/' * 9}{'../' * 9}moved"), file("moved", ONE.layers[0]))
    ),
    "a manifest that is a symlink out": ImageAttack(
        without("manifest.json", symlink("manifest.json", "/etc/passwd")), ODD
    ),
    "a config that is a fifo": ImageAttack(without(CONFIG, fifo(CONFIG)), ODD),
    "a manifest that is there twice": ImageAttack(more(file("manifest.json", b"[]")), TWICE),
    "a manifest that is there twice, spelled otherwise": ImageAttack(more(file(".//manifest.json", b"[]")), TWICE),
    "a config that is there twice": ImageAttack(more(file(CONFIG, b"{}")), TWICE),
    "a layer that is there twice": ImageAttack(more(file(FIRST, b"")), TWICE),
    "a layer that is there as a link too": ImageAttack(more(symlink(FIRST, "manifest.json")), TWICE),
    "files that climb": ImageAttack(more(file("../../etc/cron.d/x", b"dead"), file("/etc/x", b"dead"))),
    "a manifest behind the end": ImageAttack(END + PLAIN, "neither a docker-archive nor an oci-archive"),
    "another archive behind the end": ImageAttack(PLAIN + archive_of(SAVED)),
    "a manifest hidden in a layer": ImageAttack(
        layer_as(header(FIRST, size=1024) + padded(bytes(file("manifest.json", b"[]")))),
        "its diff_id is",
        when_read=True,
    ),
    "a file beyond the end": ImageAttack(tarball(header("manifest.json", size=1 << 40)), "ends inside a file"),
    "cut in a layer": ImageAttack(PLAIN[: PLAIN.index(b"y" * 2000) + 100], "ends inside a file"),
    "no archive": ImageAttack(b"\x01\n" * 600, "right checksum"),
    "nothing": ImageAttack(b"", "is empty"),
    "only zeros": ImageAttack(bytes(10240), "neither a docker-archive nor an oci-archive"),
    "gzip around it": ImageAttack(gzip.compress(PLAIN)),
    "zstd around it": ImageAttack(zstandard.compress(PLAIN)),
    "xz around it": ImageAttack(lzma.compress(PLAIN)),
    "bzip2 around it": ImageAttack(bz2.compress(PLAIN)),
    "gzip around it, twice": ImageAttack(gzip.compress(gzip.compress(PLAIN)), "right checksum"),
    "gzip around it, cut": ImageAttack(gzip.compress(PLAIN)[:-9], "the gzip data ends too early"),
    "gzip around it, with rubbish behind": ImageAttack(gzip.compress(PLAIN) + b"rubbish", "the gzip data ends"),
    "more than an archive may decompress to": ImageAttack(
        gzip.compress(PLAIN), "decompresses to more than", limits=Limits(unpacked_size=9000)
    ),
    "as much, where it is read in place": ImageAttack(PLAIN, limits=Limits(unpacked_size=9000)),
    "more PAX records": ImageAttack(
        more(pax_header({"comment": "c" * 1000}), file("f")), "larger than", limits=Limits(pax_size=1000)
    ),
    "a config over a limit": ImageAttack(PLAIN, "more than the 100 bytes allowed", limits=Limits(document_size=100)),
    "within every limit": ImageAttack(PLAIN, limits=DEFAULTS),
}
