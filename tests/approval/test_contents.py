"""Files that give privileges: named up to a point, counted to the last, in memory that does not grow with them."""

from collections.abc import Iterator

import pytest

from bundler.approval.contents import contents_section, facts_of
from bundler.rootfs.mtree import MtreeEntry
from bundler.runtime_spec.runtime_config import RuntimeConfig

# VFS_CAP_REVISION_2 with the effective flag; CAP_NET_BIND_SERVICE is number 10.
CAPABLE = b"0100000200040000000000000000000000000000"
PLAIN = RuntimeConfig({})


def entry(path: bytes, **keywords: str) -> MtreeEntry:
    return MtreeEntry(path, {key.replace("__", ".").encode(): value.encode() for key, value in keywords.items()})


ENTRIES = [
    entry(b"", type="dir", mode="6755"),
    entry(b"bin/su", type="file", mode="4755", uid="0", gid="0"),
    entry(b"bin/both", type="file", mode="6755", uid="5", gid="6"),
    entry(b"bin/data", type="file", mode="4644", uid="0"),
    MtreeEntry(b"bin/p\xe9ng", {b"type": b"file", b"mode": b"0755", b"xattr.security.capability": CAPABLE}),
    MtreeEntry(b"bin/odd", {b"type": b"file", b"mode": b"0755", b"xattr.security.capability": b"zz"}),
    entry(b"dev/x", type="char", mode="4777"),
    entry(b"l", type="link"),
]


def test_each_kind_is_told() -> None:
    section = contents_section(facts_of(ENTRIES), PLAIN)
    assert [(row.what, row.value) for row in section.rows] == [
        ("/bin/su", "runs as root"),
        ("/bin/both", "runs as user 5, runs as group 6"),
        ("/bin/p\\xe9ng", "has CAP_NET_BIND_SERVICE"),
        ("/bin/odd", "has capabilities that no kernel would take"),
        ("device files", "1 in the image"),
    ]
    assert section.gist == "4 of 7 files"
    assert section.verdict == "same"


def test_without_new_privileges_they_give_none() -> None:
    config = RuntimeConfig({"process": {"noNewPrivileges": True}})
    assert contents_section(facts_of(ENTRIES), config).rows[0].note.startswith("none: no new privileges")


def test_ids_are_told_as_the_container_sees_them() -> None:
    shifted = [{"containerID": 0, "hostID": 100000, "size": 10}]
    config = RuntimeConfig({"linux": {"uidMappings": shifted, "gidMappings": shifted}})
    entries = [
        entry(b"su", type="file", mode="4755", uid="100000", gid="0"),
        entry(b"wall", type="file", mode="2755", uid="0", gid="100005"),
        entry(b"lost", type="file", mode="4755", uid="7", gid="0"),
        entry(b"rootless", type="file", mode="6755"),
    ]
    assert [row.value for row in contents_section(facts_of(entries), config).rows] == [
        "runs as root (100000 outside)",
        "runs as group 5 (100005 outside)",
        "runs as no user of the container (7 outside)",
        "runs as root, runs as group root",
    ]


def test_all_are_counted_and_the_first_are_named() -> None:
    def entries() -> Iterator[MtreeEntry]:
        for number in range(20_000):
            yield entry(b"f%d" % number, type="file", mode="4755", uid="0")

    facts = facts_of(entries())
    assert (facts.files, facts.privileged, len(facts.named)) == (20_000, 20_000, 200)
    assert contents_section(facts, PLAIN).rows[-1].value == "19800 files, which are not named here"


def test_without_a_manifest_nothing_is_known() -> None:
    section = contents_section(None, PLAIN)
    assert section.gist == "not known: there is no rootfs.mtree"
    assert section.rows == ()


@pytest.mark.parametrize("mode", ["9", "x", ""])
def test_a_mode_that_is_none_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        facts_of([entry(b"a", type="file", mode=mode)])
