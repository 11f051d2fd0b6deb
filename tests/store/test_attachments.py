"""What is attached to an image comes along with it, although nothing is asked of it that day."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.faulty_registry import FaultyRegistry, faulty_registry, never, refuse
from tests.support.image_files import sample
from tests.support.image_signatures import Pair
from tests.support.signed_images import ATTACH, INDEX, MANIFEST, Repository, described, digest_of, latest

pytestmark = pytest.mark.tool("docker-registry", "skopeo", "openssl")
PLAIN = "--tls-verify=false"


def build(name: str, *words: str, key: str = "key.pub") -> list[str]:
    return ["build", name, "--offline", "--rootless", "-o", "web", "--verify-key", key, *words]


@pytest.mark.parametrize("form", ATTACH)
def test_a_signature_comes_along_that_is_not_asked_for(
    folder: Path, repository: Repository, pairs: dict[str, Pair], form: str
) -> None:
    ATTACH[form](repository, pairs["key"], digest_of(repository))
    assert call_bundler("fetch", repository.name, PLAIN, cwd=folder).stderr == ""
    bundler(*build(repository.name), cwd=folder)
    assert call_bundler(*build(repository.name, "--force", key="other.pub"), cwd=folder).returncode == 6
    assert len(json.loads(bundler("images", "--json", cwd=folder))["images"]) == 1


@pytest.mark.parametrize("signed", ["index", "manifest"])
@pytest.mark.parametrize("every", [True, False])
def test_it_does_for_an_index_and_for_what_that_lists(
    folder: Path, repository: Repository, pairs: dict[str, Pair], signed: str, *, every: bool
) -> None:
    manifest, raw = latest(repository)
    listed = described(manifest, raw, platform={"os": "linux", "architecture": "amd64"})
    index = repository.put_manifest("multi", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]})
    content = index if signed == "index" else raw
    repository.attach_payload(pairs["key"], f"sha256:{hashlib.sha256(content).hexdigest()}")
    name, platform = f"{repository.name}:multi", "--platform=linux/amd64"
    bundler("fetch", name, PLAIN, "--all-platforms" if every else platform, cwd=folder)
    bundler(*build(name, platform), cwd=folder)
    assert call_bundler(*build(name, platform, "--force", key="rsa.pub"), cwd=folder).returncode == 6


def test_what_was_attached_later_comes_with_the_next_fetch(
    folder: Path, repository: Repository, pairs: dict[str, Pair]
) -> None:
    bundler("fetch", repository.name, PLAIN, cwd=folder)
    assert call_bundler(*build(repository.name), cwd=folder).returncode == 6
    for name in ("other", "key"):  # in the place of the other one
        repository.attach_payload(pairs[name], digest_of(repository))
        bundler("fetch", repository.name, PLAIN, cwd=folder)
        bundler(*build(repository.name, "--force", key=f"{name}.pub"), cwd=folder)


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with faulty_registry() as registry:
        registry.add("team/web:1", sample())
        yield registry


def list_tags(faulty: FaultyRegistry, *tags: str) -> None:
    content = json.dumps({"name": "team/web", "tags": ["1", *tags]}).encode()
    faulty.documents["team/web/tags/list"] = ("application/json", content)


def test_an_image_that_nothing_is_attached_to_costs_one_list_of_tags(faulty: FaultyRegistry, folder: Path) -> None:
    list_tags(faulty)
    bundler("fetch", faulty.name("team/web:1"), PLAIN, cwd=folder)
    asked = [path for path in faulty.paths if path]
    assert asked.count("team/web/tags/list") == 1
    assert asked[-1] == "team/web/tags/list"  # and nothing after it
    assert not [path for path in asked if path.rpartition("/")[2].startswith("sha256-")]


def test_what_is_attached_is_not_fetched_again(
    folder: Path, repository: Repository, pairs: dict[str, Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for its name, which may mean something else meanwhile."""
    repository.attach_bundle(pairs["key"], digest_of(repository))
    bundler("fetch", repository.name, PLAIN, cwd=folder)
    before = (folder / "store/index.json").read_bytes()
    log, programs = folder / "calls", folder / "programs"
    programs.mkdir()
    (programs / "skopeo").write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec /usr/bin/skopeo "$@"\n')
    (programs / "skopeo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin")
    bundler("fetch", repository.name, PLAIN, cwd=folder)
    assert (folder / "store/index.json").read_bytes() == before
    calls = log.read_text().splitlines()
    assert sum("list-tags" in call for call in calls) == 1
    assert sum("sha256-" in call for call in calls) == 1
    assert sum("--insecure-policy" in call for call in calls) == 0  # what a document that is attached is copied with


def unlisted(faulty: FaultyRegistry) -> None:
    faulty.documents.pop("team/web/tags/list")


def refused(faulty: FaultyRegistry) -> None:
    faulty.faults["list"] = refuse(401)


def broken(faulty: FaultyRegistry) -> None:
    faulty.faults["list"] = refuse(500)


def no_list(faulty: FaultyRegistry) -> None:
    faulty.documents["team/web/tags/list"] = ("application/json", b'{"tags": {"1": 2}}')


def silent(faulty: FaultyRegistry) -> None:
    faulty.faults["list"] = never(threading.Event())


@pytest.mark.parametrize("spoil", [unlisted, refused, broken, no_list, silent])
def test_a_registry_that_lists_no_tags_still_gives_the_image(
    faulty: FaultyRegistry, folder: Path, spoil: Callable[[FaultyRegistry], None]
) -> None:
    list_tags(faulty)
    spoil(faulty)
    done = call_bundler("fetch", faulty.name("team/web:1"), PLAIN, "--timeout=2", cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert len(json.loads(bundler("images", "--json", cwd=folder))["images"]) == 1


def test_what_is_attached_and_does_not_come_is_told(faulty: FaultyRegistry, folder: Path) -> None:
    (digest,) = {path.rpartition("/")[2] for path in faulty.documents if "sha256:" in path}
    list_tags(faulty, digest.replace(":", "-") + ".sig")
    done = call_bundler("fetch", faulty.name("team/web:1"), PLAIN, cwd=folder)
    assert done.returncode == 0
    assert "something is attached to" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_more_is_attached_than_is_kept_in_memory(folder: Path, repository: Repository) -> None:
    """Each part is as large as a document may be, and there is no end of them."""
    parts = [b"%d" % number + bytes(15_000) for number in range(20)]
    for blob in (*parts, b"{}"):
        repository.put_blob(blob)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [described("application/json", part) for part in parts],
    }
    repository.put_manifest(digest_of(repository).replace(":", "-") + ".att", document)
    done = call_bundler("fetch", repository.name, PLAIN, "--limit", "document-size=16k", cwd=folder)
    assert (done.returncode, "more than 256 KiB are attached to it" in done.stderr) == (0, True), done.stderr
    assert len(json.loads((folder / "store/index.json").read_bytes())["manifests"]) == 1
