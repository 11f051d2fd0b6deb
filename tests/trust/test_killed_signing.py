"""`pack --sign`, killed at each step that makes a file appear: nothing is taken for signed that is not, and it can be
done again.
"""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.power_cut import after_a_power_cut, make_disk, mounted
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET
from tests.support.strace import killing

pytestmark = pytest.mark.tool("strace")
PACK, SIGNATURE = "web.tar", "web.tar.minisig"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two bundles that differ, of which the old one is packed and signed."""
    for command in ("old", "new"):
        write_archive(tmp_path / "image.tar", layout_files({"1": sample(Cmd=[command])}))
        bundler("build", "image.tar", "--rootless", "-o", command, cwd=tmp_path)
    (tmp_path / "key.pub").write_bytes(MINISIGN)
    (tmp_path / "key").write_bytes(MINISIGN_SECRET)
    bundler("pack", "old", "-o", PACK, "--sign", "key", cwd=tmp_path)
    return tmp_path


def verify(place: Path, folder: Path) -> int:
    return call_bundler("verify", place / PACK, "--key", folder / "key.pub").returncode


def pack_killed(folder: Path, place: Path, nth: int) -> bool:
    """Whether it was killed: it renames so often."""
    words = ("pack", "new", "-o", place / PACK, "--sign", "key", "--force")
    code = call_bundler(*words, cwd=folder, strace=killing("rename", nth)).returncode
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.parametrize("first", [True, False], ids=["first", "again"])
def test_a_kill_leaves_the_old_the_new_or_what_is_refused(folder: Path, *, first: bool) -> None:
    old, states = (folder / PACK).read_bytes(), set()
    for nth in range(1, 30):
        place = folder / f"killed-{nth}"
        place.mkdir()
        for name in () if first else (PACK, SIGNATURE):
            shutil.copy(folder / name, place)
        killed = pack_killed(folder, place, nth)
        there = (place / PACK).exists()
        states.add((there and (place / PACK).read_bytes() == old, (place / SIGNATURE).exists(), verify(place, folder)))
        assert not there or (place / SIGNATURE).exists()  # or it would look as if it had never been signed
        bundler("pack", "new", "-o", place / PACK, "--sign", "key", "--force", cwd=folder)
        assert verify(place, folder) == 0
        if not killed:
            break
    assert (False, True, 0) in states  # the new one, in the end
    between = {(False, True, 2)} if first else {(True, True, 6)}  # the new signature, without the new file
    assert between <= states
    assert states <= {(False, True, 0), *between, (False, False, 2) if first else (True, True, 0)}


@pytest.mark.root
@pytest.mark.tool("mkfs.ext4", "mount")
@pytest.mark.parametrize("nth", [1, 2])
def test_a_power_cut_leaves_the_same(folder: Path, nth: int) -> None:
    disk = make_disk(folder / "disk")
    with mounted(disk) as place:
        for name in (PACK, SIGNATURE):
            shutil.copy(folder / name, place)
        subprocess.run(["sync", "-f", place], check=True)
        assert pack_killed(folder, place, nth)
        with after_a_power_cut(disk) as left:
            content, old = (left / PACK).read_bytes(), (folder / PACK).read_bytes()
            assert content == old
            assert verify(left, folder) == (
                0 if (left / SIGNATURE).read_bytes() == (folder / SIGNATURE).read_bytes() else 6
            )
