"""A registry, a repository of it for each test, and what is pushed there."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.registry import Registry, registry
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SIGNIFY, SSH, SSH_SECRET
from tests.support.tarballs import file, tarball

LARGE = random.Random(1).randbytes(1 << 20)  # noqa: S311 -- the same each time, and no compression makes it smaller


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the registry was asked for."""
    return tmp_path_factory.mktemp("registry") / "registry/log"


@pytest.fixture(scope="module")
def served(log: Path) -> Iterator[Registry]:
    with registry(log.parent) as there:
        yield there


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bundles of one image, each also packed, and keys."""
    folder = tmp_path_factory.mktemp("shop")
    write_archive(folder / "image.tar", layout_files({"1": sample(tarball(file("large", LARGE)))}))
    bundler("build", "image.tar", "--rootless", "-q", "-o", "old", cwd=folder)
    bundler("build", "image.tar", "--rootless", "-q", "--read-only", "-o", "new", cwd=folder)
    for name in ("old", "new"):
        bundler("pack", name, "-q", "-o", f"{name}.tar.zst", cwd=folder)
    for name, content in {
        "web.pub": MINISIGN,
        "web.key": MINISIGN_SECRET,
        "other.pub": SIGNIFY,
        "ssh.pub": SSH,
        "ssh.key": SSH_SECRET,
    }.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def name(served: Registry, request: pytest.FixtureRequest) -> str:
    """A repository for this test alone."""
    part = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"docker://{served.host}/{part[-60:].strip('-')}/web"
