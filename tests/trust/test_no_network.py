"""Nothing that verifies a signature asks anyone: it works where there is no network, and opens no socket of one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, installed
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.image_signatures import GENERATED, Pair
from tests.support.signed_images import signed_store
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SSH, SSH_SECRET
from tests.support.strace import listing

pytestmark = [pytest.mark.root, pytest.mark.tool("strace", "unshare", "ssh-keygen", "openssl")]
KEYS = {"minisign": (MINISIGN, MINISIGN_SECRET), "ssh": (SSH, SSH_SECRET)}
NAME = "registry.example/team/web:1"
STORE = ["--store", "store", "--rootless"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys; a pack and a delta that are signed with each; and a store with a signed image."""
    folder = tmp_path_factory.mktemp("signed")
    for number, command in (("1", "old"), ("2", "new")):
        write_archive(folder / f"{command}.tar", layout_files({number: sample(Cmd=[command])}))
        bundler("build", f"{command}.tar", "--rootless", "-o", command, cwd=folder)
    for kind, (public, secret) in KEYS.items():
        (folder / f"{kind}.pub").write_bytes(public)
        (folder / kind).write_bytes(secret)
        (folder / kind).chmod(0o600)
        bundler("pack", "new", "-o", f"{kind}.tar", "--sign", kind, cwd=folder)
        bundler("delta", "old", "new", "-o", f"{kind}.delta", "--sign", kind, cwd=folder)
    (folder / "pair").mkdir()
    pair = Pair(folder / "pair", GENERATED["ecdsa"])
    (folder / "cosign.pub").write_bytes(pair.public)
    signed_store(folder / "store", pair, NAME)
    bundler("export", NAME, "-o", "image.tar", "--store", "store", cwd=folder)
    (folder / "policy.yaml").write_text(f"trust: [{{images: '{NAME.rpartition(':')[0]}', keys: [cosign.pub]}}]\n")
    bundler("lock", NAME, "--store", "store", "--trust", "policy.yaml", cwd=folder)
    return folder


COMMANDS: dict[str, Callable[[Path], list[str | Path]]] = {
    **{
        f"{command}, {kind}": lambda output, words=words, kind=kind: [  # type: ignore[misc]
            word if isinstance(word, str) else word(output) for word in (*words, "--key", f"{kind}.pub")
        ]
        for kind in KEYS
        for command, words in {
            "verify": ["verify", f"{kind}.tar"],
            "unpack": ["unpack", f"{kind}.tar", "-o", lambda output: output],
            "apply": ["apply", f"{kind}.delta", "old", "-o", lambda output: output],
        }.items()
    },
    "build": lambda output: ["build", NAME, *STORE, "--verify-key", "cosign.pub", "-o", output],
    "build, by a policy": lambda output: ["build", NAME, *STORE, "--trust", "policy.yaml", "-o", output],
    "build, by a lock": lambda output: ["build", NAME, *STORE, "--locked", "-o", output],
    "import": lambda output: ["import", "image.tar", "--store", output, "--verify-key", "cosign.pub"],
    "inspect": lambda _output: ["inspect", NAME, "--store", "store", "--verify-key", "cosign.pub"],
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_signature_is_verified_without_a_socket(folder: Path, tmp_path: Path, case: str) -> None:
    words = COMMANDS[case](tmp_path / "made")
    calls = tmp_path / "calls"
    subprocess.run(
        ["unshare", "-n", *listing("socket", calls), installed(), *words], cwd=folder, check=True, timeout=60
    )
    assert "+++ exited with 0 +++" in calls.read_text()
    assert "AF_INET" not in calls.read_text()
