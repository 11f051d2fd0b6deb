"""A signed kit, on machines that have one program or another that verifies, or none."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SIGNIFY, SIGNIFY_SECRET, SSH, SSH_SECRET

pytestmark = pytest.mark.tool("busybox", "minisign", "signify-openbsd", "ssh-keygen")
KEYS = {"minisign": (MINISIGN, MINISIGN_SECRET), "signify": (SIGNIFY, SIGNIFY_SECRET), "ssh": (SSH, SSH_SECRET)}
FITTING = [
    ("minisign", "minisign"),
    ("minisign", "signify-openbsd"),
    ("signify", "minisign"),
    ("signify", "signify-openbsd"),
    ("ssh", "ssh-keygen"),
]
COMMANDS = ("verify", "unpack", "run", "install", "upgrade")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed-kits")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    bundler("build", "image.tar", "--rootless", "-o", "bundle", cwd=folder)
    for name, (public, secret) in KEYS.items():
        (folder / f"{name}.pub").write_bytes(public)
        (folder / f"{name}.sec").write_bytes(secret)
        (folder / f"{name}.sec").chmod(0o600)
        bundler("pack", "bundle", "--kit", "-o", name, "--sign", f"{name}.sec", "--name", "web", cwd=folder)
    bundler("pack", "bundle", "--kit", "-o", "unsigned", "--name", "web", cwd=folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "kits", symlinks=True, ignore=shutil.ignore_patterns("bundle"))
    return tmp_path / "kits"


def kit(folder: Path, name: str, *words: str, programs: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """`kit.sh` of a kit, where busybox and the `programs` are all that is on PATH."""
    path = folder / "bin"
    if not path.exists():
        path.mkdir()
        for program in ("busybox", *programs):
            found = shutil.which(program)
            assert found
            (path / program).symlink_to(found)
    command = ["/bin/sh", f"{name}/kit.sh", *words]
    return subprocess.run(command, cwd=folder, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "program"), FITTING)
def test_it_is_verified_by_what_is_there(folder: Path, name: str, program: str) -> None:
    done = kit(folder, name, "verify", "--key", f"{name}.pub", programs=(program,))
    assert (done.returncode, "ok: " in done.stdout, "was signed by" in done.stderr) == (0, True, True), done.stderr
    done = kit(folder, name, "-k", f"{name}.pub", "unpack", programs=(program,))
    assert (done.returncode, (folder / name / "bundle/config.json").is_file()) == (0, True)


@pytest.mark.parametrize(("name", "program"), FITTING)
def test_a_changed_list_or_signature_or_another_key_is_refused(folder: Path, name: str, program: str) -> None:
    pristine = {path: path.read_bytes() for path in (folder / name).glob("SHA256SUMS*")}
    assert len(pristine) == 2
    for path, content in pristine.items():
        start = content.index(b"\n") + 1 if path.name == "SHA256SUMS.minisig" else 0  # behind what no key has signed
        last = len(content) - 3 if program != "signify-openbsd" or start == 0 else start + 90  # it reads two lines
        for place in (start, start + 40, last):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            done = kit(folder, name, "verify", "--key", f"{name}.pub", programs=(program,))
            assert (done.returncode, done.stdout) == (6, ""), (path, place, done.stderr)
        path.write_bytes(content)
    other = {"minisign": SIGNIFY, "signify": MINISIGN, "ssh": SSH.replace(b"E0mu", b"E0mv")}[name]
    (folder / "other.pub").write_bytes(other)
    assert kit(folder, name, "verify", "--key", "other.pub", programs=(program,)).returncode == 6


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "key", "programs", "code", "words"),
    [
        ("minisign", "minisign", (), 5, "nothing was verified"),
        ("minisign", "minisign", ("ssh-keygen",), 5, "nothing was verified"),
        ("ssh", "ssh", ("minisign", "signify-openbsd"), 5, "nothing was verified"),
        ("unsigned", "minisign", ("minisign",), 6, "SHA256SUMS.minisig is missing"),
        ("unsigned", "ssh", ("ssh-keygen",), 6, "SHA256SUMS.sig is missing"),
        ("minisign", "ssh", ("minisign", "ssh-keygen"), 6, "SHA256SUMS.sig is missing"),
        ("minisign", "signify", ("minisign", "signify-openbsd"), 6, "is not what signify.pub has signed"),
        ("minisign", "none", ("minisign",), 2, "none.pub, the public key, is not there"),
    ],
)
def test_no_command_does_anything_unless_it_is_verified(
    folder: Path, *, command: str, name: str, key: str, programs: tuple[str, ...], code: int, words: str
) -> None:
    before = sorted((folder / name).rglob("*"))
    done = kit(folder, name, command, "--key", f"{key}.pub", programs=programs)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert sorted((folder / name).rglob("*")) == before


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "--key"],
        ["verify", "--key", ""],
        ["-k", "", "verify"],
        ["--key", "minisign.pub", "verify"],
        ["verify", "--key=minisign.pub"],
        ["verify", "-k", "minisign.pub"],
        ["install", "units", "--key", "minisign.pub"],
        ["run", "--detach", "--key", "minisign.pub"],
        ["verify", "--key", "minisign.sec"],
        ["verify", "--key", "minisign/kit.conf"],
    ],
)
def test_a_key_that_would_be_overlooked_is_refused(folder: Path, words: list[str]) -> None:
    done = kit(folder, "minisign", *words, programs=("minisign",))
    assert (done.returncode in {2, 5, 6}, done.stdout) == (True, ""), done.stderr


def test_a_program_that_says_yes_to_everything_verifies_nothing(folder: Path) -> None:
    """As Debian's signify does, which is one for mails."""
    kit(folder, "minisign", "verify", programs=("true",))
    (folder / "bin/true").rename(folder / "bin/signify")
    done = kit(folder, "minisign", "verify", "--key", "minisign.pub", programs=())
    assert (done.returncode, "nothing was verified" in done.stderr) == (5, True)


@pytest.mark.parametrize("leads_to", ["/proc/self/mem", "../kit.conf"])
def test_a_unit_that_nothing_has_signed_is_found_where_it_cannot_be_read_either(folder: Path, leads_to: str) -> None:
    (folder / "minisign/units/evil.service").symlink_to(leads_to)
    done = kit(folder, "minisign", "verify", "--key", "minisign.pub", programs=("minisign",))
    assert (done.returncode, done.stdout) == (6, ""), done.stderr
    assert "damaged: units/evil.service" in done.stderr


def test_what_was_signed_by_hand_is_verified(folder: Path) -> None:
    """The two lines of signify, in its own name for them."""
    (folder / "signify/SHA256SUMS.minisig").unlink()
    words = ["signify-openbsd", "-S", "-s", "../signify.sec", "-m", "SHA256SUMS", "-x", "SHA256SUMS.sig"]
    subprocess.run(words, cwd=folder / "signify", check=True)
    done = kit(folder, "signify", "verify", "--key", "signify.pub", programs=("minisign", "signify-openbsd"))
    assert done.returncode == 0, done.stderr


def test_a_signed_kit_is_replaced_as_another_is(made: Path) -> None:
    bundler("pack", "bundle", "--kit", "-o", "minisign", "--sign", "minisign.sec", "--name", "web", "--force", cwd=made)
    assert {path.name for path in (made / "minisign").glob("SHA256SUMS*")} == {"SHA256SUMS", "SHA256SUMS.minisig"}
