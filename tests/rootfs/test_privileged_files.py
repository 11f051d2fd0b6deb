"""Which files of a manifest give privileges to the process that starts them."""

import pytest

from bundler.rootfs.mtree import MtreeEntry
from bundler.rootfs.privileged_files import PrivilegedFile, permitted_capabilities, privileged_file

# VFS_CAP_REVISION_2 with the effective flag; CAP_NET_BIND_SERVICE is number 10, CAP_BPF 39.
CAPABLE = b"0100000200040000000000008000000000000000"


def found(**keywords: bytes) -> PrivilegedFile | None:
    stated = {key.replace("__", ".").encode(): value for key, value in keywords.items()}
    return privileged_file(MtreeEntry(b"a", {b"type": b"file", b"uid": b"5", b"gid": b"6"} | stated))


def test_the_bits_count_for_executables() -> None:
    assert found(mode=b"6755") == PrivilegedFile(b"a", setuid=True, setgid=True, owner=(5, 6), capabilities=None)
    assert found(mode=b"2711") == PrivilegedFile(b"a", setuid=False, setgid=True, owner=(5, 6), capabilities=None)
    assert found(mode=b"6644") is None
    assert found(mode=b"0755") is None
    assert found(mode=b"6755", type=b"dir") is None


def test_without_owners_none_is_made_up() -> None:
    entry = MtreeEntry(b"a", {b"type": b"file", b"mode": b"4755"})
    assert privileged_file(entry) == PrivilegedFile(b"a", setuid=True, setgid=False, owner=None, capabilities=None)


def test_capabilities_count_whatever_the_mode() -> None:
    file = found(mode=b"0644", xattr__security__capability=CAPABLE)
    assert file is not None
    assert file.capabilities == ("CAP_NET_BIND_SERVICE", "CAP_BPF")


@pytest.mark.parametrize("text", [b"", b"01", b"zz", b"\xff", b"0100000"])
def test_an_attribute_that_is_none_gives_no_capability(text: bytes) -> None:
    assert permitted_capabilities(text) == ()
