"""A lock made from a registry, and builds that are held to it: from the registry, from a file, without a network."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.faulty_registry import FaultyRegistry, faulty_registry
from tests.support.image_files import docker_files, legacy_files, sample, sha256, write_archive
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("skopeo")]
ONE = sample(Cmd=["one"])
TWO = sample(Cmd=["two"])
INSECURE = "--tls-verify=false"


@pytest.fixture
def served() -> Iterator[FaultyRegistry]:
    with faulty_registry() as registry:
        registry.add("team/web:1", ONE)
        yield registry


@pytest.fixture
def lock(served: FaultyRegistry, tmp_path: Path) -> Path:
    path = tmp_path / "bundler.lock"
    assert bundler("lock", served.name("team/web:1"), INSECURE, "--output", path) == f"{path}\n"
    return path


def test_a_tag_that_moved_does_not_move_a_locked_build(served: FaultyRegistry, lock: Path, tmp_path: Path) -> None:
    served.add("team/web:1", TWO)
    served.paths.clear()
    bundler("build", "--locked", INSECURE, "--output", "b", cwd=tmp_path)
    assert json.loads((tmp_path / "b/bundler.json").read_bytes())["image"]["id"] == sha256(ONE.config)
    assert "team/web/manifests/1" not in served.paths
    assert lock.exists()


@pytest.mark.parametrize("save", [docker_files, legacy_files], ids=["docker 25", "docker 20.10"])
def test_a_lock_of_a_registry_holds_for_what_docker_saved(lock: Path, tmp_path: Path, save: object) -> None:
    assert callable(save)
    archive = write_archive(tmp_path / "web.tar", save({"team/web:1": ONE}))
    bundler("build", "--locked", INSECURE, "--output", "registry", cwd=tmp_path)
    bundler("build", archive, "--locked", "--lock", lock, "--output", "file", cwd=tmp_path)
    assert differences(tree(tmp_path / "registry"), tree(tmp_path / "file")) == {}


def test_another_image_in_the_file_is_refused_before_anything_is_unpacked(lock: Path, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "web.tar", docker_files({"team/web:1": TWO}))
    done = call_bundler("build", archive, "--locked", "--output", "b", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (6, "")
    assert f"locked as {sha256(ONE.config)}, and now is {sha256(TWO.config)}" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not (tmp_path / "b").exists()
    assert lock.exists()


def test_changed_overrides_are_refused(served: FaultyRegistry, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text("command: [three]\n")
    options = ["--overrides", "web.yaml", INSECURE]
    bundler("lock", served.name("team/web:1"), *options, cwd=tmp_path)
    bundler("build", "--locked", *options, "--output", "b", cwd=tmp_path)
    (tmp_path / "web.yaml").write_text("command: [four]\n")
    done = call_bundler("build", "--locked", *options, "--output", "c", cwd=tmp_path)
    assert done.returncode == 6
    assert "the sha256 of web.yaml is locked as" in done.stderr


def test_a_build_can_write_the_lock_it_would_have_been_held_to(
    served: FaultyRegistry, lock: Path, tmp_path: Path
) -> None:
    bundler("build", served.name("team/web:1"), INSECURE, "--output", "b", "--lock", "other.lock", cwd=tmp_path)
    assert (tmp_path / "other.lock").read_bytes() == lock.read_bytes()


def test_mounted_images_are_locked_too(served: FaultyRegistry, tmp_path: Path) -> None:
    served.add("team/assets:1", TWO)
    (tmp_path / "web.yaml").write_text(
        f"volumes: [{{type: image, source: '{served.name('team/assets:1')}', target: /assets}}]\n"
    )
    options = ["--overrides", "web.yaml", INSECURE]
    bundler("lock", served.name("team/web:1"), *options, cwd=tmp_path)
    document = json.loads((tmp_path / "bundler.lock").read_bytes())
    assert [one["id"] for one in document["images"]] == [sha256(TWO.config), sha256(ONE.config)]
    served.add("team/assets:1", ONE)
    bundler("build", served.name("team/web:1"), "--locked", *options, "--output", "b", cwd=tmp_path)
    bundler("build", served.name("team/web:1"), *options, "--output", "c", "--lock", "c.lock", cwd=tmp_path)
    assert [one["id"] for one in json.loads((tmp_path / "c.lock").read_bytes())["images"]] == [sha256(ONE.config)] * 2


def test_a_lock_has_the_same_bytes_wherever_and_however_it_is_made(
    served: FaultyRegistry, lock: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    environment = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "BUNDLER_STORE": str(other / "store")}
    bundler("fetch", served.name("team/web:1"), INSECURE, "--store", other / "store")
    done = call_bundler("lock", served.name("team/web:1"), "--offline", cwd=other, env=environment, umask=0o077)
    assert done.returncode == 0, done.stderr
    assert (other / "bundler.lock").read_bytes() == lock.read_bytes()


def test_where_digests_are_required_a_tag_is_refused_and_a_lock_is_enough(
    served: FaultyRegistry, lock: Path, tmp_path: Path
) -> None:
    name = served.name("team/web:1")
    for command in (["build", name], ["config", name], ["inspect", name], ["fetch", name], ["lock", name]):
        done = call_bundler(*command, "--require-digest", INSECURE, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "is named by a tag" in done.stderr
    bundler("build", name, "--require-digest", "--locked", "--lock", lock, INSECURE, "--output", "b", cwd=tmp_path)
    digest = json.loads(lock.read_bytes())["images"][0]["manifest"]
    bundler("inspect", f"{name.removesuffix(':1')}@{digest}", "--require-digest", INSECURE)


def test_where_no_lock_can_be_written_nothing_is_built(served: FaultyRegistry, tmp_path: Path) -> None:
    name = served.name("team/web:1")
    for command in (["build", name, "--output", "b", "--lock"], ["lock", name, "--output"]):
        done = call_bundler(*command, "missing/x.lock", INSECURE, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        error, hint = done.stderr.splitlines()
        assert error == "bundler: error: missing/x.lock: there is no such folder"
        assert "mkdir" in hint
    assert list(tmp_path.iterdir()) == []


def test_another_platform_than_the_locked_one_is_a_difference(lock: Path, tmp_path: Path) -> None:
    done = call_bundler("build", "--locked", "--platform", "linux/arm64", INSECURE, "--output", "b", cwd=tmp_path)
    assert done.returncode == 6
    assert "the platform is locked as linux/amd64, and now is linux/arm64" in done.stderr
    assert lock.exists()
