"""What the pages tell readers to type is typed, chapter by chapter; what they show is what is printed.

`tests/support/pages.py` has the words of the comments that say how. What a chapter may need, besides programs by their
names: `nginx.tar`, `registry` (one in the place of Docker's, with images of Debian's packages), `docker` (a daemon that
has them, too), `systemd` (a machine that has it, whose /srv, units and containers the chapter sees), `user` (the
shell is an ordinary user's), `debian-12` (whose versions of the programs the chapter compares).
"""

import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.booted import booted, systemd_root
from tests.support.docker import Docker
from tests.support.dockers_registry import MIRROR, serving, storage_of
from tests.support.machine import machine
from tests.support.ordinary_user import USER, folder_of_a_user
from tests.support.pages import PAGES, PROJECT, Chapter, chapters
from tests.support.reader import Reader, differences
from tests.support.small_services import one_image, small_archive

TOOLS = {
    "nginx.tar": ("skopeo",),
    "registry": ("docker-registry", "skopeo"),
    "docker": ("dockerd", "docker"),
    "systemd": ("debootstrap", "nsenter"),
    "user": ("setpriv",),
}
OS_RELEASE = Path("/etc/os-release")
ON_DEBIAN_12 = OS_RELEASE.exists() and "Debian GNU/Linux 12 " in OS_RELEASE.read_text()
# What a login makes for a user; and Python and the checkout, where the way to them is root's alone.
LOGGED_IN = f"""
chmod 755 /run
install -d /run/user /run/opened
install -d -o {USER} -g {USER} -m 700 /run/user/{USER}
for path in "$@"; do
    mkdir -p "/run/opened$path"
    mount --rbind "$path" "/run/opened$path"
done
for path in "$@"; do
    setpriv --reuid={USER} --regid={USER} --clear-groups test -x "$path" && continue
    mount -t tmpfs -o mode=755 tmpfs "/$(echo "$path" | cut -d / -f 2)"
done
for path in "$@"; do
    [ -d "$path" ] || {{ mkdir -p "$path" && mount --rbind "/run/opened$path" "$path"; }}
done
"""
# Units, and bundles that they name, have the same place on both machines; these programs are the other one's.
SHARED = ("/srv", "/etc/systemd/system")
THERE = ("systemctl", "journalctl", "runc")


def cases() -> Iterator[object]:
    """The chapters, each with the programs that have to be installed for it."""
    for page in PAGES:
        for chapter in chapters(page):
            needs = chapter.needs - {"debian-12"}
            programs = ["runc", *(tool for need in sorted(needs) for tool in TOOLS.get(need, (need,)))]
            marks = [pytest.mark.tool(*programs)]
            if needs != chapter.needs:
                marks.append(pytest.mark.skipif(not ON_DEBIAN_12, reason="it shows what Debian 12's programs print"))
            yield pytest.param(chapter, id=chapter.name, marks=marks)


@pytest.fixture(scope="module")
def images(debian: Path, cache: Path) -> Path:
    """The archive of the images that the pages speak of."""
    return small_archive(debian, cache)


@pytest.fixture(scope="module")
def nginx_archive(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_image(images, "nginx:1.27", tmp_path_factory.mktemp("images") / "nginx.tar")


@pytest.fixture(scope="module")
def storage(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return storage_of(images, tmp_path_factory.mktemp("registry") / "docker.io")


@pytest.fixture
def reader(chapter: Chapter, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    """Whoever follows the chapter has what it needs."""
    with ExitStack() as stack:
        inside = stack.enter_context(machine())
        if "user" in chapter.needs:
            inside.must("sh", "-euc", LOGGED_IN, "sh", sys.base_prefix, PROJECT)
            reader = Reader(inside, stack.enter_context(folder_of_a_user()) / "as-user/folder", user=USER)
            reader.settings["XDG_RUNTIME_DIR"] = f"/run/user/{USER}"
        else:
            reader = Reader(inside, tmp_path / "folder")
        if "nginx.tar" in chapter.needs:
            shutil.copy(request.getfixturevalue("nginx_archive"), reader.folder / "nginx.tar")
        if "registry" in chapter.needs:
            stack.enter_context(serving(request.getfixturevalue("storage"), inside, tmp_path))
            (reader.home / ".config/containers/registries.conf").write_text(MIRROR)
        if "docker" in chapter.needs:
            docker: Docker = request.getfixturevalue("docker")
            docker("load", "--input", request.getfixturevalue("images"))
            reader.settings["DOCKER_HOST"] = docker.host
            stack.callback(clear, docker)
        if "systemd" in chapter.needs:
            root = systemd_root(request.getfixturevalue("debian"), request.getfixturevalue("cache"), tmp_path)
            stack.callback(shutil.rmtree, root)
            fresh = stack.enter_context(booted(root))
            reader.set_up = "".join(f"mount --bind {root}{path} {path}\n" for path in SHARED)
            for name in THERE:
                reader.add_program(name, f'exec nsenter --target {fresh.pid} --all {name} "$@"')
        yield reader


def clear(docker: Docker) -> None:
    """Take away the containers and networks that a chapter has made."""
    if containers := docker("ps", "--all", "--quiet").split():
        docker("rm", "--force", "--volumes", *containers)
    docker("network", "prune", "--force")


@pytest.mark.root
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the pages show digests of images for amd64")
@pytest.mark.parametrize("chapter", list(cases()))
def test_a_chapter_is_followed(chapter: Chapter, reader: Reader) -> None:
    wrong = differences(chapter.steps, reader.follow(chapter.steps))
    assert not wrong, "\n".join(wrong)
