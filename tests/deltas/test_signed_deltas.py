"""A delta and its signature: with `--key`, nothing is made of one that the key has not signed: exit code 6."""

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.deltas.writing import delta
from bundler.trust.keys import load_signing_key
from tests.support.bundles import MEMBERS, make_bundle
from tests.support.command import bundler, call_bundler
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SIGNIFY, SSH, SSH_SECRET
from tests.support.tarballs import file

pytestmark = pytest.mark.root

KEYS = {"minisign": (MINISIGN, MINISIGN_SECRET, ".minisig"), "ssh": (SSH, SSH_SECRET, ".sig")}
KINDS = ["minisign", pytest.param("ssh", marks=pytest.mark.tool("ssh-keygen"))]
NOISE = random.Random(1).randbytes(1_500_000)  # noqa: S311 -- the same each time


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bundles and keys; signed by each kind, a delta and one in parts."""
    folder = tmp_path_factory.mktemp("signed")
    old = make_bundle(folder / "bundles/old/b", *MEMBERS)
    new = make_bundle(folder / "bundles/new/b", file("noise", NOISE))
    for kind, (public, secret, _) in KEYS.items():
        place = folder / "signed" / kind
        place.mkdir(parents=True)
        (place / "key.pub").write_bytes(public)
        (place / "other.pub").write_bytes(SIGNIFY)
        (place / "key").write_bytes(secret)
        (place / "key").chmod(0o600)
        key = load_signing_key(place / "key")
        for name, split in (("whole", None), ("parts", 1 << 20)):
            made = delta(old, new, place / name, split=split, key=key)
            assert made.signature == place / (name + KEYS[kind][2])
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    kind: str = request.node.callspec.params["kind"]
    return Path(shutil.copytree(made / "signed" / kind, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["whole", "parts"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_is_applied(made: Path, folder: Path, kind: str, name: str) -> None:
    bundler("apply", name, made / "bundles/old/b", "-o", "out", "--key", "key.pub", cwd=folder)
    assert (folder / "out/rootfs/noise").read_bytes() == NOISE


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


FAULTS: dict[str, Callable[[Path, str], object]] = {
    "the first byte": lambda folder, _: flip(folder / "whole", 0),
    "the last byte": lambda folder, _: flip(folder / "whole", -1),
    "a byte less": lambda folder, _: (folder / "whole").write_bytes((folder / "whole").read_bytes()[:-1]),
    "another delta": lambda folder, _: shutil.copy(folder / "parts", folder / "whole"),
    "no signature": lambda folder, suffix: (folder / f"whole{suffix}").unlink(),
    "the signature of another": lambda folder, suffix: shutil.copy(
        folder / f"parts{suffix}", folder / f"whole{suffix}"
    ),
    "a byte of the signature": lambda folder, suffix: flip(folder / f"whole{suffix}", 100),
    "another key": lambda folder, _: shutil.copy(folder / "other.pub", folder / "key.pub"),
}
FAULTS_OF_PARTS: dict[str, Callable[[Path, str], object]] = {
    "a sum": lambda folder, _: flip(folder / "parts", 3),
    "a part": lambda folder, _: flip(folder / "parts.0001", 3),
    "the last part": lambda folder, _: flip(folder / "parts.0002", -1),
    "parts that changed places": lambda folder, _: (folder / "parts.0002").replace(folder / "parts.0001"),
    "a part less": lambda folder, _: (folder / "parts").write_bytes((folder / "parts").read_bytes()[:-77]),
}


@pytest.mark.parametrize("fault", [*FAULTS, *FAULTS_OF_PARTS])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_made_of_what_is_not_signed(made: Path, folder: Path, kind: str, fault: str) -> None:
    (FAULTS | FAULTS_OF_PARTS)[fault](folder, KEYS[kind][2])
    name = "whole" if fault in FAULTS else "parts"
    before = sorted(folder.iterdir())
    done = call_bundler("apply", name, made / "bundles/old/b", "-o", "out", "--key", "key.pub", cwd=folder)
    assert (done.returncode, done.stdout) == (6, ""), done.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.tool("minisign")
@pytest.mark.parametrize("kind", ["minisign"])
def test_others_verify_it_too(folder: Path, kind: str) -> None:
    for name in ("whole", "parts"):
        subprocess.run(["minisign", "-V", "-q", "-p", "key.pub", "-m", name], cwd=folder, check=True)


@pytest.mark.parametrize("kind", ["minisign"])
def test_a_signature_that_is_there_is_not_written_over(made: Path, folder: Path, kind: str) -> None:
    (folder / "whole").unlink()
    words = ("delta", made / "bundles/old/b", made / "bundles/new/b", "-o", "whole", "--sign", "key")
    refused = call_bundler(*words, cwd=folder)
    assert (refused.returncode, "whole.minisig exists already" in refused.stderr) == (2, True)
    assert not (folder / "whole").exists()
    bundler(*words, "--force", cwd=folder)
    bundler("apply", "whole", made / "bundles/old/b", "-o", "out", "--key", "key.pub", cwd=folder)
