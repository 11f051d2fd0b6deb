"""A registry, keys, and an image that they can sign."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.image_signatures import Pair
from tests.support.registry import Registry, registry
from tests.support.signed_images import Repository, pairs_in, repository_of


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry") / "here") as served:
        yield served


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def pairs(keys: Path) -> dict[str, Pair]:
    return pairs_in(keys)


@pytest.fixture
def folder(pairs: dict[str, Pair], keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the public keys, and with a store and a cache of its own."""
    monkeypatch.setenv("BUNDLER_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in pairs:
        shutil.copy(keys / f"{name}.pub", tmp_path)
    return tmp_path


@pytest.fixture
def repository(served: Registry, tmp_path: Path) -> Repository:
    return repository_of(served, tmp_path)
