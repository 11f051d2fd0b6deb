"""A kit that root unpacks into a folder such as /tmp: what other users have put there before is not followed."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive

pytestmark = pytest.mark.root
OTHER = 65534


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kits")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    bundler("build", "image.tar", "-o", "bundle", cwd=folder)
    bundler("pack", "bundle", "--kit", "-o", "kit", "--name", "web", cwd=folder)
    return folder / "kit"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def kit(made: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", made / "kit.sh", *words], capture_output=True, text=True, check=False)


def of_another_user(*paths: Path) -> None:
    for path in paths:
        for each in (path, *path.rglob("*")):
            os.chown(each, OTHER, OTHER, follow_symlinks=False)


@pytest.mark.parametrize("command", ["unpack", "upgrade", "rollback", "commit"])
def test_no_move_is_finished_that_another_user_began(made: Path, shared: Path, tmp_path: Path, command: str) -> None:
    """It would say where units go, and which."""
    units = tmp_path / "etc"
    units.mkdir()
    web, moving, kept = shared / "web", shared / "web.kit-moving", shared / "web.kit-units"
    web.mkdir()
    (web / "bundler.json").write_text("{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    (kept / digest).mkdir(parents=True)
    (kept / digest / "evil.service").write_text("[Service]\n")
    moving.write_text(f"upgrade {digest}\n{units}/web\n")
    of_another_user(web, moving, kept)
    done = kit(made, "-C", web, command)
    assert (done.returncode, [*units.iterdir()]) == (2, []), done.stderr
    assert f"{moving} is another user's" in done.stderr
    assert moving.exists()


def test_no_bundle_comes_back_that_another_user_has_made(made: Path, shared: Path) -> None:
    web, old = shared / "web", shared / "web.old"
    assert kit(made, "-C", web, "unpack").returncode == 0
    before = web.stat().st_ino
    shutil.copytree(web, old, symlinks=True)
    of_another_user(old)
    done = kit(made, "-C", web, "rollback")
    assert (done.returncode, web.stat().st_ino) == (2, before), done.stderr
    assert f"{old} is another user's" in done.stderr


def test_no_data_moves_out_of_a_bundle_that_another_user_has_made(made: Path, shared: Path) -> None:
    web = shared / "web"
    assert kit(made, "-C", web, "unpack").returncode == 0
    (web / "bundler.json").write_text("{}")
    of_another_user(web)
    done = kit(made, "-C", web, "upgrade")
    assert (done.returncode, sorted(path.name for path in shared.iterdir())) == (2, ["web"]), done.stderr


def test_what_is_noted_is_not_written_through_a_link(made: Path, shared: Path, tmp_path: Path) -> None:
    web, link, victim = shared / "web", shared / "web.kit-moving-part", tmp_path / "victim"
    assert kit(made, "-C", web, "unpack").returncode == 0
    subprocess.run(["cp", "-a", web, shared / "web.old"], check=True)
    victim.write_text("precious\n")
    link.symlink_to(victim)
    of_another_user(link)
    done = kit(made, "-C", web, "rollback")
    assert (done.returncode, victim.read_text()) == (0, "precious\n"), done.stderr


def test_units_are_not_kept_in_a_folder_of_another_user(made: Path, shared: Path, tmp_path: Path) -> None:
    where = ["--name", "web", "--directory", str(shared / "web")]
    bundler("pack", made.parent / "bundle", "--kit", "-o", "here", *where, cwd=tmp_path)
    assert kit(tmp_path / "here", "install", tmp_path / "units").returncode == 0
    kept = shared / "web.kit-units"
    kept.mkdir()
    of_another_user(kept)
    done = kit(tmp_path / "here", "upgrade", tmp_path / "units")
    assert (done.returncode, [*kept.iterdir()]) == (2, []), done.stderr
