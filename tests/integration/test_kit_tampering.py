"""Every file of a kit, and all that can be done to it: what is used is what was packed, or nothing is."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.runtime import call
from tests.support.whole_bundle import ANY, NOT_OF_LINKS, OF_FILES

pytestmark = pytest.mark.root
OTHER, GROUP = 65534, 4242
FILES = ("bundle.tar.gz", "kit.conf", "SHA256SUMS", "units/web.service")
FOLDERS = (".", "units")


def _of(owner: int, group: int, mode: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        os.chown(path, owner, group)
        path.chmod(mode | (path.stat().st_mode & 0o111))

    return change


def _all(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """The same done to the whole kit."""

    def changed(kit: Path) -> None:
        for path in (kit, *kit.rglob("*")):
            change(path)

    return changed


# Content that is not as it was packed, and what is no file.
DAMAGE = {
    name: tamper for name, tamper in (ANY | NOT_OF_LINKS | OF_FILES).items() if not name.startswith("of another name")
}
# Who can write to a file could exchange it after it was checked, unless that one can exchange kit.sh, too.
HANDS: dict[str, Callable[[Path], object]] = {
    "of another owner": _of(OTHER, 0, 0o644),
    "writable by a group": _of(0, GROUP, 0o664),
    "writable by others": _of(0, 0, 0o666),
}
UNITS: dict[str, Callable[[Path], object]] = {
    "a file more": lambda units: (units / "evil.service").write_text("[Service]\n"),
    "a drop-in more": lambda units: (units / "web.service.d").mkdir(),
    "a symlink more": lambda units: (units / "evil.service").symlink_to("web.service"),
    "a fifo more": lambda units: os.mkfifo(units / "evil.service"),
    "a folder that is elsewhere": NOT_OF_LINKS["a symlink to itself elsewhere"],
}
# As kits are carried. What another name of a file can be used for is what its mode lets; what is beside the kit's files
# is not looked at.
HARMLESS: dict[str, Callable[[Path], object]] = {
    "a stick where all is root's": _all(_of(0, 0, 0o755)),
    "a stick where all is everybody's": _all(_of(0, 0, 0o777)),
    "an ordinary user's copy, which root runs": _all(_of(OTHER, OTHER, 0o644)),
    "a copy of a user with a loose umask": _all(_of(OTHER, GROUP, 0o664)),
    "root's script with files of root's and of its own group": _all(_of(0, 0, 0o664)),
    "a folder such as /tmp": lambda kit: kit.chmod(0o1777),
    "a hard link": lambda kit: os.link(kit / "bundle.tar.gz", kit.with_name("again")),
    "a hidden file of a file manager": lambda kit: (kit / "units/.DS_Store").touch(),
    "a page beside it": lambda kit: (kit / "README").write_text("about this kit\n"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kits")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    bundler("build", "image.tar", "-o", "built", cwd=folder)
    words = ("--name", "web", "--directory", str(folder / "srv/web"))
    bundler("pack", "built", "--kit", "-o", "kit", *words, cwd=folder)
    return folder / "kit"


def copied(made: Path, place: Path) -> Path:
    """In a folder that is called as one of a bundle: there, what is moved out of it has a place."""
    kit = place / "bundle"
    shutil.rmtree(kit, ignore_errors=True)
    subprocess.run(["cp", "-a", made, kit], check=True)
    return kit


def refused(kit: Path, *commands: str) -> str:
    """What all commands say, which leave nothing behind."""
    messages = set()
    for command in commands:
        ended = call(["sh", kit / "kit.sh", "-C", kit.parent / "place", command])
        assert (ended.exit_code in (3, 6), ended.stdout) == (True, ""), (command, ended)
        assert ended.stderr.startswith("kit: error: ")
        messages.add(ended.stderr)
    assert not (kit.parent / "place").exists()
    (message,) = messages
    return message


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_not_as_it_was_packed_is_refused(made: Path, tmp_path: Path, file: str, name: str) -> None:
    kit = copied(made, tmp_path)
    DAMAGE[name](kit / file)
    refused(kit, "verify", "unpack", "upgrade")


@pytest.mark.parametrize("file", [*FILES, *FOLDERS])
@pytest.mark.parametrize("name", HANDS)
def test_what_another_user_could_change_meanwhile_is_refused(made: Path, tmp_path: Path, file: str, name: str) -> None:
    kit = copied(made, tmp_path)
    HANDS[name](kit / file)
    assert "another user than that of kit.sh could change" in refused(kit, "verify", "unpack", "upgrade")


@pytest.mark.parametrize("name", UNITS)
def test_units_that_were_not_packed_are_refused(made: Path, tmp_path: Path, name: str) -> None:
    kit = copied(made, tmp_path)
    UNITS[name](kit / "units")
    refused(kit, "verify", "unpack", "upgrade")


@pytest.mark.parametrize("name", HARMLESS)
def test_a_kit_that_was_carried_is_taken(made: Path, tmp_path: Path, name: str) -> None:
    kit = copied(made, tmp_path)
    HARMLESS[name](kit)
    ended = call(["sh", kit / "kit.sh", "-C", tmp_path / "place", "unpack"])
    assert (ended.exit_code, ended.stdout) == (0, f"{tmp_path}/place\n"), ended.stderr
    bundler("verify", tmp_path / "place")
