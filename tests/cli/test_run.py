"""What `bundler run` takes for a bundle, for an image and for neither. Runtimes are in tests/integration."""

from pathlib import Path

import pytest

from tests.support.command import call_bundler
from tests.support.image_files import layout_files, sample, write_archive


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_archive(folder / "web.tar", layout_files({"1": sample()}))
    (folder / "empty").mkdir()
    done = call_bundler("build", "web.tar", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("words", "code", "what", "hint"),
    [
        ([], 2, "run what?", "name the directory of a bundle, or an image"),
        (["./nothing"], 2, "./nothing is not there, neither a bundle nor an archive of an image", ""),
        (["/nothing/x.tar"], 2, "/nothing/x.tar is not there, neither a bundle nor an archive of an image", ""),
        (["empty"], 2, "empty is a directory here, but no bundle", "bundler run empty:latest"),
        (["./empty"], 2, "./empty is a directory here, but no bundle", "bundler build makes one"),
        (["--retries", "0", "127.0.0.1:1/web:1"], 5, "127.0.0.1:1", ""),
        (["web", "-p", "80:80"], 2, "--publish is for an image, and web is a bundle", ""),
        (["web", "--overrides", "o.yaml"], 2, "--overrides is for an image, and web is a bundle", ""),
        (["web", "--read-only"], 2, "--read-only is for an image, and web is a bundle", ""),
        (["--offline", "nowhere"], 2, "nowhere", ""),
        (["web.tar", "-p", "80:x"], 2, "-p, --publish '80:x'", ""),
    ],
)
def test_what_cannot_be_run_is_refused(folder: Path, words: list[str], code: int, what: str, hint: str) -> None:
    done = call_bundler("run", *words, cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert what in done.stderr
    assert hint in done.stderr


@pytest.mark.root
@pytest.mark.tool("runc")
def test_a_directory_is_a_bundle_and_a_file_an_image(folder: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    bundle = call_bundler("run", "web", "--dry-run", cwd=folder, env=cache)
    assert bundle.stdout.endswith(f"run --bundle {folder}/web web\n")
    assert not list(tmp_path.iterdir())
    image = call_bundler("run", "web.tar", "--dry-run", "--name", "mine", cwd=folder, env=cache)
    (kept,) = tmp_path.glob("bundler/bundles/*/web")
    assert image.stdout.endswith(f"run --bundle {kept} mine\n")
    assert f"sh {kept} {kept}/rootfs no {kept} " in image.stdout  # all of it is covered
    again = call_bundler("run", "web.tar", "--dry-run", cwd=folder, env=cache)
    assert f"run --bundle {kept} web-" in again.stdout  # a name of its own


@pytest.mark.root
@pytest.mark.tool("runc")
def test_what_a_named_volume_holds_is_said_to_be_gone_at_the_end(folder: Path, tmp_path: Path) -> None:
    words = ("run", "web.tar", "--dry-run", "-v", "data:/data")
    done = call_bundler(*words, cwd=folder, env={"XDG_CACHE_HOME": str(tmp_path)})
    said = "bundler: note: what is written to data is gone at the end; -v ./FOLDER:PATH keeps it\n"
    assert (done.returncode, done.stderr) == (0, said)
    assert call_bundler(*words, "-q", cwd=folder, env={"XDG_CACHE_HOME": str(tmp_path)}).stderr == ""


def test_gc_removes_what_was_kept_and_says_how_many(folder: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    call_bundler("run", "web.tar", "--rootless", "--dry-run", cwd=folder, env=cache)
    call_bundler("run", "web.tar", "--rootless", "--dry-run", "-e", "A=1", cwd=folder, env=cache)
    assert call_bundler("gc", env=cache).stdout == "2 bundles removed\n"
    assert call_bundler("gc", env=cache).stdout == "nothing to remove\n"  # there is no store either
