"""A real Debian image from every kind of place: unpacked as umoci unpacks it, and started."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.debian import FRACTIONAL_TIME, recompressed, run
from tests.support.mount_points import image_differences
from tests.support.runtime import Name, run_instead
from tests.support.tree import Node, tree

TOOLS = ("debootstrap", "umoci", "skopeo", "setfattr", "setcap")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]


def as_it_is(layout: Path, _scratch: Path) -> str:
    return f"oci:{layout}:debian"


def zstd_layers(layout: Path, scratch: Path) -> str:
    return f"oci:{recompressed(layout, scratch / 'zstd', 'zstd')}:debian"


def copied_to(transport: str) -> Callable[[Path, Path], str]:
    """A copy made by skopeo, named as bundler and skopeo both name it."""

    def copy(layout: Path, scratch: Path) -> str:
        place = f"{transport}:{scratch / transport}"
        name = place if transport == "dir" else f"{place}:debian:latest"
        run("skopeo", "copy", "--quiet", f"oci:{layout}:debian", name)
        return name

    return copy


SOURCES: dict[str, Callable[[Path, Path], str]] = {
    "oci, gzip layers": as_it_is,
    "oci, zstd layers": zstd_layers,
    "oci-archive": copied_to("oci-archive"),
    "docker-archive": copied_to("docker-archive"),
    "dir": copied_to("dir"),
}


@pytest.fixture(scope="module")
def unpacked_by_umoci(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Node]:
    directory = tmp_path_factory.mktemp("umoci") / "bundle"
    run("umoci", "unpack", "--image", f"{debian}:debian", directory)
    nodes = tree(directory / "rootfs")
    run("rm", "-rf", directory)
    return nodes


@pytest.fixture(scope="module")
def bundle(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("debian") / "bundle"
    bundler("build", f"oci:{debian}:debian", "--output", directory)
    return directory


@pytest.mark.parametrize("source", SOURCES)
def test_the_root_filesystem_is_umocis(
    debian: Path, unpacked_by_umoci: dict[str, Node], tmp_path: Path, source: str
) -> None:
    image = SOURCES[source](debian, tmp_path)
    bundler("build", image, "--output", tmp_path / "bundle")
    assert image_differences(tmp_path / "bundle", unpacked_by_umoci) == {}


def test_the_image_has_what_is_hard_to_unpack(unpacked_by_umoci: dict[str, Node]) -> None:
    nodes = unpacked_by_umoci
    assert "usr/share/doc" not in nodes
    assert nodes["srv/new/same-file"].same_as == "srv/new/file"
    assert (nodes["srv/new/file"].mode, nodes["srv/new/file"].owner) == ("4750", (33, 33))
    assert nodes["srv/fifo"].type == "fifo"
    assert nodes["media"].mtime_ns == FRACTIONAL_TIME
    assert nodes["srv/new"].xattrs == {"user.comment": b"an attribute"}
    assert "security.capability" in nodes["srv/cat"].xattrs


def test_umoci_as_the_unpacker_gives_the_same(
    debian: Path, unpacked_by_umoci: dict[str, Node], bundle: Path, tmp_path: Path
) -> None:
    bundler("build", f"oci:{debian}:debian", "--unpacker", "umoci", "--output", tmp_path / "bundle")
    assert image_differences(tmp_path / "bundle", unpacked_by_umoci) == {}
    assert (tmp_path / "bundle/config.json").read_bytes() == (bundle / "config.json").read_bytes()


SERVE = """
    nginx -g 'daemon off;' &
    for _ in {1..100}; do (: </dev/tcp/127.0.0.1/80) 2>/dev/null && break; sleep 0.1; done
    exec 3<>/dev/tcp/127.0.0.1/80
    printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3
    tail -n 1 <&3
    kill -QUIT %1 && wait
    ls /var/log/nginx
"""


@pytest.mark.parametrize("runtime", [pytest.param(name, marks=pytest.mark.tool(name)) for name in ("runc", "crun")])
def test_nginx_serves_a_page_from_inside(bundle: Path, runtime: Name) -> None:
    ended = run_instead(bundle, ["bash", "-c", SERVE], runtime)
    assert ended.stdout.splitlines() == ["served from a bundle", "access.log", "error.log"], ended.stderr


@pytest.mark.tool("runc")
def test_a_package_can_be_inspected_as_on_any_debian(bundle: Path) -> None:
    ended = run_instead(bundle, ["sh", "-c", "dpkg-query -W -f '${Status}\\n' nginx-light; /srv/cat /etc/hostname; id"])
    status, _hostname, identity = ended.stdout.splitlines()
    assert status == "install ok installed"
    assert identity == "uid=0(root) gid=0(root) groups=0(root)"
