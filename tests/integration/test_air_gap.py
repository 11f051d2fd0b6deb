"""docs/air-gap.md, followed line by line: a registry on one side, and no network on the other."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import POLICY
from tests.support.booted import Booted, booted, systemd_root
from tests.support.command import installed
from tests.support.debian import run
from tests.support.image_signatures import GENERATED, Pair
from tests.support.machine import Machine, machine
from tests.support.pages import Step, blocks
from tests.support.reader import Reader
from tests.support.registry import Registry, registry
from tests.support.signed_images import Repository

TOOLS = ("docker-registry", "skopeo", "umoci", "minisign", "openssl", "debootstrap", "nsenter", "unshare", "ip")
pytestmark = [pytest.mark.root, pytest.mark.slow, *(pytest.mark.tool(name) for name in TOOLS)]
PAGE = Path(__file__).parents[2] / "docs/air-gap.md"
CARRY, INSTALL, AGAIN, NEWER, UPDATE, BACK = (block.text for block in blocks(PAGE) if block.reason)
NAME = "shop/web"
MIRROR = """\
[[registry]]
prefix = "registry.example"
location = "{host}"
insecure = true
"""
# A second layer, with a few megabytes that no layer has.
CHANGES = "mkdir -p var/www/html usr/share/shop; echo newer >var/www/html/index.html; cp {noise} usr/share/shop/noise"
NOISE = 2 << 20
SHARED = ("/srv", "/etc/systemd/system")
THERE = ("systemctl", "runc")


@dataclass(frozen=True)
class Here:
    """The side with the network: a folder and an environment."""

    folder: Path
    environment: dict[str, str]

    def follow(self, lines: str) -> None:
        subprocess.run(["bash", "-euxc", lines], cwd=self.folder, env=self.environment, check=True, timeout=240)


@dataclass(frozen=True)
class OtherSide:
    """A machine with systemd, which the reader's shell sees, and no network but its own loopback."""

    reader: Reader
    fresh: Booted

    def follow(self, lines: str) -> None:
        [(printed, code)] = self.reader.follow([Step("there", lines)])
        assert code == 0, printed

    def page(self) -> str:
        """What the service answers, once it does."""
        return Machine(self.fresh.pid, mounts=False).get_once_it_serves("http://127.0.0.1:80/")


def newer_of(debian: Path, folder: Path) -> Path:
    """A layout with the image `debian`, and with `newer`, which has one layer more."""
    layout, tree = folder / "layout", folder / "changed"
    shutil.copytree(debian, layout, copy_function=os.link)
    shutil.copy(debian / "index.json", layout / "copied")  # umoci writes it anew: not through the link
    (layout / "copied").replace(layout / "index.json")
    noise = hashlib.shake_128(b"noise").digest(NOISE)
    (folder / "noise").write_bytes(noise)
    tree.mkdir()
    run("sh", "-euc", CHANGES.format(noise=folder / "noise"), cwd=tree)
    run("tar", "--create", "--numeric-owner", "--sort=name", "--file", folder / "layer.tar", "-C", tree, "var", "usr")
    run("umoci", "raw", "add-layer", "--image", f"{layout}:debian", "--tag", "newer", folder / "layer.tar")
    return layout


def sign(served: Registry, pair: Pair, tag: str) -> None:
    words = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{served.host}/{NAME}:{tag}"]
    raw = subprocess.run(words, check=True, capture_output=True).stdout
    Repository(served, NAME).attach_payload(pair, f"sha256:{hashlib.sha256(raw).hexdigest()}")


def only_volume(bundle: Path) -> Path:
    (folder,) = (bundle / "volumes").iterdir()
    return folder


@pytest.fixture
def here(debian: Path, tmp_path: Path) -> Iterator[Here]:
    """With a registry that has `web:1` and `web:2`, both signed, and the keys of who signs and who packs."""
    folder, keys = tmp_path / "here", tmp_path / "keys"
    for each in (folder, keys):
        each.mkdir()
    layout, pair = newer_of(debian, tmp_path), Pair(keys, GENERATED["ecdsa"])
    (folder / "cosign.pub").write_bytes(pair.public)
    subprocess.run(["minisign", "-G", "-W", "-p", "web.pub", "-s", "web.key"], cwd=folder, check=True, timeout=60)
    with registry(tmp_path / "registry") as served:
        for tag, image in {"1": "debian", "2": "newer"}.items():
            served.push(f"oci:{layout}:{image}", f"{NAME}:{tag}")
            sign(served, pair, tag)
        settings = tmp_path / "home/.config/containers"
        settings.mkdir(parents=True)
        (settings / "registries.conf").write_text(MIRROR.format(host=served.host))
        (settings / "policy.json").write_text(POLICY)
        environment = os.environ | {
            "PATH": f"{Path(installed()).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path / "home"),
        }
        yield Here(folder, environment)


@pytest.fixture
def other_side(debian: Path, cache: Path, tmp_path: Path) -> Iterator[OtherSide]:
    root = systemd_root(debian, cache, tmp_path)
    for path in (root / "etc/systemd/system").glob("*.wants/*"):  # it has nginx itself, as the image that it is made of
        path.unlink()
    with machine() as inside, booted(root) as fresh:
        reader = Reader(inside, tmp_path / "as-reader/there")
        for place in SHARED:
            inside.must("mount", "--bind", f"{root}{place}", place)
        for name in THERE:
            reader.add_program(name, f'exec nsenter --target {fresh.pid} --all {name} "$@"')
        yield OtherSide(reader, fresh)
    shutil.rmtree(root)


def test_a_service_gets_there_is_updated_and_taken_back(here: Here, other_side: OtherSide) -> None:
    there, bundle = other_side.reader.folder, other_side.fresh.root / "srv/bundles/web"
    here.follow(CARRY)
    for name in ("cosign.pub", "web.pub"):
        shutil.copy(here.folder / name, there)
    shutil.copytree(here.folder / "carry", there / "carry")
    other_side.follow(INSTALL)
    assert other_side.page() == "served from a bundle"
    data = only_volume(bundle) / "of-years"
    data.write_text("kept")
    other_side.follow(AGAIN)

    here.follow(NEWER)
    carried = {name: here.folder / "carry" / name for name in ("web-2.delta", "web-2.delta.minisig", "update.tar")}
    assert NOISE < carried["web-2.delta"].stat().st_size < 2 * NOISE
    assert NOISE < carried["update.tar"].stat().st_size < 2 * NOISE
    for path in carried.values():
        shutil.copy(path, there / "carry")
    other_side.follow(UPDATE)
    assert other_side.page() == "newer"
    assert data.read_text() == "kept"
    assert (bundle / "bundler.json").read_bytes() == (here.folder / "web-2/bundler.json").read_bytes()

    other_side.follow(BACK)
    assert other_side.page() == "served from a bundle"
    assert data.read_text() == "kept"
    other_side.follow("bundler verify /srv/bundles/web\nsystemctl stop web")
    listed = json.loads((there.parent / "home/.local/share/bundler/index.json").read_text())["manifests"]
    names = [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in listed]
    assert [name for name in names if "sha256-" not in name] == [f"registry.example/{NAME}:{tag}" for tag in (1, 2)]
