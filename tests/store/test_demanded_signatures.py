"""A signature that is demanded is looked at by each command that reads the image, each time, and by a locked build."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_signatures import Pair
from tests.support.registry import Registry
from tests.support.signed_images import Repository, digest_of, latest, repository_of

pytestmark = pytest.mark.tool("docker-registry", "skopeo", "openssl")
PLAIN = "--tls-verify=false"


@pytest.fixture(scope="module")
def fetched(served: Registry, pairs: dict[str, Pair], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of an image that `key` has signed, and a store that has it."""
    folder = tmp_path_factory.mktemp("fetched")
    repository = repository_of(served, folder)
    repository.attach_payload(pairs["key"], digest_of(repository))
    bundler("fetch", repository.name, PLAIN, "--store", folder / "store")
    return repository.name, folder / "store"


@pytest.fixture
def image(fetched: tuple[str, Path], folder: Path) -> str:
    """Its name, in a store that a test may change; nothing else is to be reached."""
    shutil.copytree(fetched[1], folder / "store")
    return fetched[0]


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "build": lambda image: ["build", image, "--rootless", "-o", "made"],
    "config": lambda image: ["config", image],
    "inspect": lambda image: ["inspect", image],
    "lock": lambda image: ["lock", image],
    "harden": lambda image: ["harden", image, "--rootless"],
    "run": lambda image: ["run", "--dry-run", "--rootless", image, "sh"],
    "upgrade": lambda image: ["upgrade", "web", image, "--rootless", "--allow-looser"],
    "project": lambda _image: ["project", "compose.yaml", "-o", "made"],
    "from-inspect": lambda image: ["overrides", "from-inspect", "inspect.json", "--image", image],
}


def prepare(command: str, image: str, folder: Path) -> None:
    (folder / "compose.yaml").write_text(f"services: {{web: {{image: '{image}', command: sh}}}}\n")
    (folder / "inspect.json").write_text(json.dumps([{"Config": {"Image": image}, "HostConfig": {}}]))
    if command == "upgrade":
        bundler("build", image, "--rootless", "-o", "web", cwd=folder)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("way", ["--verify-key", "--trust"])
def test_each_command_that_reads_an_image_takes_only_what_is_signed(
    image: str, folder: Path, command: str, way: str
) -> None:
    prepare(command, image, folder)
    given = {}
    for key in ("other", "key"):
        (folder / f"{key}.yaml").write_text(f"trust: [{{images: '127.*/**', keys: [{key}.pub]}}]\n")
        given[key] = [way, f"{key}.pub" if way == "--verify-key" else f"{key}.yaml"]
    before = sorted(folder.iterdir())
    (first, *words) = COMMANDS[command](image)
    (more, words) = ([words[0]], words[1:]) if command == "from-inspect" else ([], words)
    refused = call_bundler(first, *more, "--offline", *given["other"], *words, cwd=folder)
    assert (refused.returncode, refused.stdout) == (6, ""), refused.stderr
    assert "is not signed by ecdsa-p256" in refused.stderr
    assert [path for path in sorted(folder.iterdir()) if path.name != "cache"] == before
    bundler(first, *more, "--offline", *given["key"], *words, cwd=folder)


@pytest.mark.parametrize("words", [["harden", "./web"], ["run", "web"], ["upgrade", "web", "other"]])
def test_a_signature_of_an_image_is_not_demanded_of_a_bundle(image: str, folder: Path, words: list[str]) -> None:
    bundler("build", image, "--rootless", "-o", "web", cwd=folder)
    shutil.copytree(folder / "web", folder / "other", symlinks=True)
    done = call_bundler(*words, "--verify-key", "key.pub", cwd=folder)
    assert (done.returncode, done.stdout, "--verify-key" in done.stderr) == (2, "", True), done.stderr


def test_nor_of_a_container_whose_image_is_not_named(folder: Path, image: str) -> None:
    prepare("from-inspect", image, folder)
    done = call_bundler("overrides", "from-inspect", "inspect.json", "--verify-key", "key.pub", cwd=folder)
    assert (done.returncode, done.stdout, "--image" in done.stderr) == (2, "", True), done.stderr


def bundles(folder: Path) -> set[Path]:
    return set(folder.glob("cache/bundler/bundles/*/*/config.json"))


def run(image: str, folder: Path, *words: str) -> int:
    return call_bundler("run", "--dry-run", "--rootless", *words, image, "sh", cwd=folder).returncode


def test_a_bundle_that_was_kept_for_an_image_is_not_taken_for_a_signed_one(image: str, folder: Path) -> None:
    assert run(image, folder) == 0
    unsigned = bundles(folder)
    assert run(image, folder, "--verify-key", "other.pub") == 6
    assert bundles(folder) == unsigned
    assert run(image, folder, "--verify-key", "key.pub") == 0
    assert len(bundles(folder)) == 2
    remove_attached(folder)
    assert run(image, folder, "--offline", "--verify-key", "key.pub") == 6
    assert run(image, folder, "--offline") == 0


def remove_attached(folder: Path) -> None:
    index = folder / "store/index.json"
    document = json.loads(index.read_text())
    document["manifests"] = [one for one in document["manifests"] if ".sig" not in json.dumps(one)]
    index.write_text(json.dumps(document))


def test_what_run_fetches_has_to_be_signed(repository: Repository, pairs: dict[str, Pair], folder: Path) -> None:
    repository.attach_bundle(pairs["key"], digest_of(repository))
    assert run(repository.name, folder, PLAIN, "--verify-key", "other.pub") == 6
    assert json.loads(bundler("images", "--json", cwd=folder))["images"] == []
    assert run(repository.name, folder, PLAIN, "--verify-key", "key.pub") == 0
    assert latest(repository)


def test_a_lock_has_the_rule_that_an_image_was_let_through_by(image: str, pairs: dict[str, Pair], folder: Path) -> None:
    rules = ["{images: 'docker.io/**', kind: refused}", "{images: '127.*/*', keys: [other.pub, key.pub]}"]
    (folder / "policy.yaml").write_text(f"trust: [{', '.join(rules)}, {{images: '**', kind: anything}}]\n")
    bundler("lock", image, "--offline", "--trust", "policy.yaml", cwd=folder)
    locked = json.loads((folder / "bundler.lock").read_text())
    keys = [{"name": pairs[name].key.name, "key": pairs[name].public.decode()} for name in ("other", "key")]
    assert locked["trust"] == [{"images": "127.*/*", "kind": "cosign", "keys": keys}]
    assert locked["format"] == 2


def locked_with(image: str, folder: Path, rule: str = "{images: '**', keys: [key.pub]}") -> Path:
    (folder / "policy.yaml").write_text(f"trust: [{rule}]\n")
    bundler("lock", image, "--offline", "--trust", "policy.yaml", cwd=folder)
    for name in ("policy.yaml", "key.pub"):  # which the build is not to need
        (folder / name).unlink()
    return folder / "bundler.lock"


def build(image: str, folder: Path, *words: str) -> tuple[int, str]:
    done = call_bundler("build", image, "--locked", "--offline", "--rootless", "-o", "made", *words, cwd=folder)
    return done.returncode, done.stderr


def test_a_locked_build_is_held_to_the_keys_of_the_lock(image: str, folder: Path) -> None:
    locked_with(image, folder)
    assert build(image, folder) == (0, "")
    assert build(image, folder, "--force", "--verify-key", "other.pub")[0] == 6  # which is asked for besides
    remove_attached(folder)
    code, message = build(image, folder, "--force")
    assert (code, "has no signature" in message) == (6, True), message


def other_key(locked: dict[str, list[dict[str, list[dict[str, str]]]]], other: str) -> None:
    locked["trust"][0]["keys"][0]["key"] = other


def other_name(locked: dict[str, list[dict[str, list[dict[str, str]]]]], _other: str) -> None:
    locked["trust"][0]["keys"][0]["name"] = "ecdsa-p256 sha256:00"


def other_images(locked: dict[str, list[dict[str, object]]], _other: str) -> None:
    locked["trust"][0]["images"] = "docker.io/**"


def no_keys(locked: dict[str, list[dict[str, list[object]]]], _other: str) -> None:
    locked["trust"][0]["keys"] = []


def no_rules(locked: dict[str, object], _other: str) -> None:
    locked["trust"] = []


@pytest.mark.parametrize("change", [other_key, other_name, other_images, no_keys, no_rules])
def test_a_lock_whose_rules_were_changed_refuses(
    image: str, folder: Path, pairs: dict[str, Pair], change: Callable[..., None]
) -> None:
    lock = locked_with(image, folder)
    locked = json.loads(lock.read_text())
    change(locked, pairs["other"].public.decode())
    lock.write_text(json.dumps(locked))
    code, message = build(image, folder)
    assert (code, (folder / "made").exists()) == (6, False), message


@pytest.mark.parametrize("number", [1, 3])
def test_a_lock_with_keys_has_a_format_of_its_own(image: str, folder: Path, number: int) -> None:
    lock = locked_with(image, folder)
    locked = json.loads(lock.read_text())
    lock.write_text(json.dumps(locked | {"format": number}))
    assert build(image, folder)[0] == 2


def test_what_was_locked_with_keys_is_not_taken_from_a_file(
    image: str, fetched: tuple[str, Path], folder: Path
) -> None:
    """Which has no signature: the lock's digests would do, if it did not ask for more."""
    locked_with(image, folder)
    code, message = build(f"oci:{fetched[1].parent}/layout:1", folder)
    assert (code, "is not in the store" in message) == (2, True), message


def test_a_project_is_locked_with_its_keys(image: str, folder: Path) -> None:
    prepare("project", image, folder)
    words = ["project", "compose.yaml", "--offline", "-o", "made"]
    bundler(*words, "--lock", "project.lock", "--verify-key", "key.pub", cwd=folder)
    locked = json.loads((folder / "project.lock").read_text())
    assert [rule["images"] for rule in locked["trust"]] == ["**"]
    again = [*words, "--force", "--locked", "--lock", "project.lock"]
    bundler(*again, cwd=folder)
    remove_attached(folder)
    assert call_bundler(*again, cwd=folder).returncode == 6


def test_build_writes_the_rule_that_applied(image: str, folder: Path) -> None:
    words = ["build", image, "--offline", "--rootless", "-o", "made"]
    bundler(*words, "--lock", "made.lock", "--verify-key", "key.pub", cwd=folder)
    assert json.loads((folder / "made.lock").read_text())["trust"][0]["kind"] == "cosign"
    assert call_bundler("lock", image, "--offline", "--check", "-o", "made.lock", cwd=folder).returncode == 0
    remove_attached(folder)
    assert call_bundler("lock", image, "--offline", "--check", "-o", "made.lock", cwd=folder).returncode == 6
