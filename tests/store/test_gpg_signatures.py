"""Images that GPG has signed, beside a registry: the signature comes along, and is verified where there is none."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.gpg_keys import GpgKey, gpg_key
from tests.support.image_files import directory_files, multi_directory_files, sample, write_folder
from tests.support.image_signatures import Pair
from tests.support.registry import Registry
from tests.support.signed_images import Repository, digest_of

pytestmark = pytest.mark.tool("docker-registry", "skopeo", "gpg", "gpgv", "gpgconf")
PLAIN = "--tls-verify=false"


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GpgKey, GpgKey]]:
    folder = tmp_path_factory.mktemp("gpg")
    with (
        gpg_key(folder / "one", "one@example.org") as one,
        gpg_key(folder / "other", "other@example.org", "rsa2048") as other,
    ):
        yield one, other


@pytest.fixture(scope="module")
def lookaside(served: Registry, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the signatures of the registry's images are, as registries.d says."""
    folder = tmp_path_factory.mktemp("lookaside")
    settings = home / ".config/containers/registries.d/gpg-signatures.yaml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    place = f"file://{folder}"
    settings.write_text(f"docker:\n  {served.host}:\n    sigstore: {place}\n    sigstore-staging: {place}\n")
    yield folder
    settings.unlink()


@pytest.fixture(scope="module")
def names(
    served: Registry, lookaside: Path, signers: tuple[GpgKey, GpgKey], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Images: signed as what it is; not at all; a newer tag that is signed, and one without that has the same bytes."""
    folder = tmp_path_factory.mktemp("images")
    made = {}
    for name in ("signed:1", "unsigned:1", "both:1"):
        image = write_folder(folder / name, directory_files(sample(Cmd=[name])))
        made[name] = f"{served.host}/{name}"
        served.push(f"dir:{image}", name, "--preserve-digests")
        if name != "unsigned:1":
            for key in signers if name == "both:1" else signers[:1]:
                command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--sign-by", key.name]
                words = [*command, f"dir:{image}", f"docker://{made[name]}"]
                subprocess.run(words, check=True, env=key.environment, timeout=60)
                for signature in lookaside.glob("both@*/signature-1"):  # which a second copy writes over
                    shutil.copy(signature, signature.with_name(f"signature-{3 - signers.index(key)}"))
    served.push(f"dir:{folder}/signed:1", "signed:2", "--preserve-digests")
    for signature in lookaside.glob("both@*/signature-3"):
        signature.rename(signature.with_name("signature-1"))
    assert len(list(lookaside.glob("*/signature-?"))) == 3
    return made | {"signed:2": f"{served.host}/signed:2"}


@pytest.fixture
def place(folder: Path, signers: tuple[GpgKey, GpgKey]) -> Path:
    """A folder with the keyrings, a policy for each, and a store."""
    for name, key in zip(("one", "other"), signers, strict=True):
        (folder / f"{name}.gpg").write_bytes(key.exported())
        policy = f"trust: [{{images: '127.*/**', kind: gpg, keys: [{name}.gpg]}}]\n"
        (folder / f"{name}.yaml").write_text(policy)
    return folder


def fetch(name: str, place: Path, policy: str = "one.yaml", *words: str) -> tuple[int, str]:
    done = call_bundler("fetch", name, PLAIN, "--trust", policy, *words, cwd=place)
    return done.returncode, done.stderr


def build(name: str, place: Path, policy: str = "one.yaml", *words: str) -> tuple[int, str]:
    told = ["--offline", "--rootless", "-o", "web", "--force", "--trust", policy]
    done = call_bundler("build", name, *told, *words, cwd=place)
    return done.returncode, done.stderr


@pytest.mark.parametrize("armor", [[], ["--armor"]])
def test_what_is_signed_is_fetched_and_built_without_a_registry(
    names: dict[str, str], place: Path, signers: tuple[GpgKey, GpgKey], armor: list[str]
) -> None:
    (place / "one.gpg").write_bytes(signers[0].exported(*armor))
    assert fetch(names["signed:1"], place) == (0, "")
    assert build(names["signed:1"], place, "one.yaml", "--lock", "web.lock") == (0, "")
    code, message = build(names["signed:1"], place, "other.yaml")
    assert (code, "is not what a key of the keyring" in message) == (6, True), message
    listed = json.loads(bundler("images", "--json", cwd=place))["images"]
    assert [image["name"] for image in listed] == [names["signed:1"]]
    locked = json.loads((place / "web.lock").read_text())
    assert locked["images"][0]["signed"]["key"].startswith("gpg ")
    assert locked["trust"][0]["kind"] == "gpg"
    for left in ("one.gpg", "one.yaml"):
        (place / left).unlink()
    words = ["build", names["signed:1"], "--offline", "--rootless", "-o", "again", "--locked", "--lock", "web.lock"]
    bundler(*words, cwd=place)
    bundler("gc", cwd=place)
    bundler(*words, "--force", cwd=place)


def test_one_of_several_signatures_is_enough(names: dict[str, str], place: Path) -> None:
    for policy in ("one.yaml", "other.yaml"):
        assert fetch(names["both:1"], place, policy) == (0, "")
        assert build(names["both:1"], place, policy) == (0, "")


REFUSED = {
    "another key": ("signed:1", "other.yaml", "is not what a key of the keyring"),
    "no signature": ("unsigned:1", "one.yaml", "has no signature"),
    "another tag than was signed": ("signed:2", "one.yaml", "was signed for another name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_signed_is_not_fetched(names: dict[str, str], place: Path, case: str) -> None:
    name, policy, words = REFUSED[case]
    code, message = fetch(names[name], place, policy)
    assert (code, words in message) == (6, True), message
    assert json.loads(bundler("images", "--json", cwd=place))["images"] == []
    assert json.loads((place / "store/index.json").read_text())["manifests"] == []


def test_what_was_fetched_without_a_signature_is_refused(names: dict[str, str], place: Path) -> None:
    bundler("fetch", names["signed:1"], PLAIN, cwd=place)
    code, message = build(names["signed:1"], place)
    assert (code, "has no signature" in message) == (6, True), message


def test_a_digest_is_signed_whatever_its_tag(names: dict[str, str], place: Path, lookaside: Path) -> None:
    (signed,) = {path.parent.name for path in lookaside.glob("signed@*/signature-1")}
    name = f"{names['signed:2'].rpartition(':')[0]}@{signed.partition('@')[2].replace('=', ':')}"
    assert fetch(name, place) == (0, "")
    assert build(name, place) == (0, "")


def test_a_policy_of_skopeo_does_not_refuse_what_is_attached_for_want_of_a_signature(
    names: dict[str, str], place: Path, pairs: dict[str, Pair]
) -> None:
    """What cosign has attached, GPG has not signed."""
    repository, _, tag = names["both:1"].rpartition(":")
    registry, _, name = repository.partition("/")
    signed = Repository(Registry(registry, None), name)
    signed.attach_payload(pairs["key"], digest_of(signed, tag))
    rule = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(place / "other.gpg")}
    (place / "policy.json").write_text(json.dumps({"default": [rule]}))
    done = call_bundler("fetch", names["both:1"], PLAIN, "--policy", "policy.json", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    bundler("inspect", names["both:1"], "--offline", "--verify-key", "key.pub", cwd=place)


def change(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def damaged_signature(store: Path, lookaside: Path) -> Path:
    content = next(lookaside.glob("signed@*/signature-1")).read_bytes()
    return next(path for path in (store / "blobs/sha256").iterdir() if path.read_bytes() == content)


def no_list_of_signatures(store: Path, lookaside: Path) -> Path:
    digest = damaged_signature(store, lookaside).name.encode()
    blobs = [path for path in (store / "blobs/sha256").iterdir() if digest in path.read_bytes()]
    (listing,) = blobs
    return listing


def manifest(store: Path, lookaside: Path) -> Path:
    (signed,) = {path.parent.name for path in lookaside.glob("signed@*/signature-1")}
    return store / "blobs/sha256" / signed.rpartition("=")[2]


@pytest.mark.parametrize("part", [damaged_signature, no_list_of_signatures, manifest])
def test_a_byte_that_was_changed_in_the_store_is_found(
    names: dict[str, str], place: Path, lookaside: Path, part: Callable[[Path, Path], Path]
) -> None:
    assert fetch(names["signed:1"], place)[0] == 0
    path = part(place / "store", lookaside)
    path.write_bytes(change(path.read_bytes()))
    code, message = build(names["signed:1"], place)
    assert (code, (place / "web").exists()) == (6, False), message


def test_all_platforms_have_no_signature_of_gpg(place: Path, served: Registry) -> None:
    images = write_folder(place / "all", multi_directory_files([sample(), sample(architecture="arm64")]))
    served.push(f"dir:{images}", "several:1", "--all", "--preserve-digests")
    code, message = fetch(f"{served.host}/several:1", place, "one.yaml", "--all-platforms")
    assert (code, "--platform" in message) == (2, True), message


KEYRINGS: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "no keyring": (lambda _content: b"key", 2, "is no keyring of GPG's"),
    "nothing": (lambda _content: b"", 2, "is no keyring of GPG's"),
    "a secret key": (lambda _content: b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", 2, "is a secret key"),
    "a key of another kind": (lambda _content: b"-----BEGIN PUBLIC KEY-----\n", 2, "is no keyring of GPG's"),
    "a first line with a wrong byte": (lambda content: content.replace(b"PGP", b"PGQ", 1), 6, "is damaged"),
    "a body with a wrong byte": (lambda content: content.replace(b"A", b"B", 1), 6, "is damaged"),
    "a last line with a wrong byte": (lambda content: content.replace(b"END PGP", b"END PGQ"), 6, "is damaged"),
}


@pytest.mark.parametrize("case", KEYRINGS)
def test_a_keyring_that_is_none_is_refused(
    place: Path, signers: tuple[GpgKey, GpgKey], case: str, names: dict[str, str]
) -> None:
    spoil, code, words = KEYRINGS[case]
    (place / "one.gpg").write_bytes(spoil(signers[0].exported("--armor")))
    done = fetch(names["signed:1"], place)
    assert (done[0], words in done[1]) == (code, True), done


def test_a_key_of_gpg_is_no_key_of_cosign(place: Path, signers: tuple[GpgKey, GpgKey], names: dict[str, str]) -> None:
    (place / "one.gpg").write_bytes(signers[0].exported("--armor"))
    done = call_bundler("fetch", names["signed:1"], PLAIN, "--verify-key", "one.gpg", cwd=place)
    assert (done.returncode, "kind: gpg" in done.stderr) == (2, True), done.stderr
