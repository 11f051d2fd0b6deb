"""Who may be trusted: images signed with GPG, and a policy that asks for it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import directory_files, sample, write_folder
from tests.support.registry import Registry, registry

pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in ("skopeo", "docker-registry", "gpg"))]
SIGNER = "signer@example.org"
INSECURE = "--tls-verify=false"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trust")


@pytest.fixture(scope="module")
def served(folder: Path, home: Path) -> Iterator[Registry]:
    """A registry with one image that is signed and one that is not; signatures are kept beside it, in a folder."""
    keys = folder / "gnupg"
    keys.mkdir(mode=0o700)
    environment = os.environ | {"GNUPGHOME": str(keys)}
    key = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", SIGNER, "default", "sign"]
    subprocess.run(key, check=True, env=environment, capture_output=True)
    exported = subprocess.run(
        ["gpg", "--batch", "--export", SIGNER], check=True, env=environment, capture_output=True
    ).stdout
    with registry(folder / "registry") as one:
        settings = home / ".config/containers/registries.d/trust.yaml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        place = f"file://{folder}/signatures"
        settings.write_text(f"docker:\n  {one.host}:\n    sigstore: {place}\n    sigstore-staging: {place}\n")
        (folder / "key.gpg").write_bytes(exported)
        rule = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(folder / "key.gpg")}
        policy = {"default": [{"type": "reject"}], "transports": {"docker": {one.host: [rule]}}}
        (home / "strict.json").write_text(json.dumps(policy))
        image = write_folder(folder / "image", directory_files(sample()))
        one.push(f"dir:{image}", "team/unsigned:1", "--preserve-digests")
        command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--sign-by", SIGNER, f"dir:{image}"]
        subprocess.run([*command, f"docker://{one.host}/team/signed:1"], check=True, env=environment)
        try:
            yield one
        finally:
            settings.unlink()
            subprocess.run(["gpgconf", "--kill", "all"], check=False, env=environment)


def test_a_signed_image_is_fetched_and_built_and_an_unsigned_one_is_refused(
    served: Registry, home: Path, tmp_path: Path
) -> None:
    options: list[str | Path] = [INSECURE, "--policy", home / "strict.json", "--store", tmp_path / "store"]
    signed, unsigned = f"{served.host}/team/signed:1", f"{served.host}/team/unsigned:1"

    bundler("build", signed, *options, "--output", tmp_path / "from-registry")
    bundler("fetch", signed, *options)
    bundler("build", signed, *options, "--offline", "--output", tmp_path / "from-store")
    for command in (["fetch", unsigned], ["build", unsigned, "--output", str(tmp_path / "refused")]):
        done = call_bundler(*command, *options)
        assert (done.returncode, done.stdout) == (3, "")
        assert "the policy rejects it" in done.stderr
    assert not (tmp_path / "refused").exists()
    assert [
        one["name"] for one in json.loads(bundler("images", "--json", "--store", tmp_path / "store"))["images"]
    ] == [signed]


def test_a_changed_signature_is_none(served: Registry, folder: Path, home: Path, tmp_path: Path) -> None:
    (signature,) = folder.glob("signatures/team/signed@*/signature-1")
    content = signature.read_bytes()
    signature.write_bytes(content[:-20] + bytes(20))
    try:
        image = f"{served.host}/team/signed:1"
        done = call_bundler("fetch", image, INSECURE, "--policy", home / "strict.json", "--store", tmp_path / "store")
        assert done.returncode == 3, done.stderr
        assert len(done.stderr.splitlines()) <= 2
    finally:
        signature.write_bytes(content)


def test_without_any_policy_nothing_is_fetched(served: Registry, tmp_path: Path) -> None:
    image = f"{served.host}/team/unsigned:1"
    options: list[str | Path] = [INSECURE, "--policy", tmp_path / "missing.json", "--store", tmp_path / "store"]
    done = call_bundler("fetch", image, *options)
    assert done.returncode == 5
    assert "no signature policy" in done.stderr
    assert "--policy FILE" in done.stderr
