"""A registry, keys, and an image that they can sign."""

import shutil
from pathlib import Path

import pytest

from tests.support.image_signatures import Pair
from tests.support.registry import Registry
from tests.support.signed_images import Repository, keys, pairs, repository_of, served

__all__ = ["folder", "keys", "pairs", "repository", "served"]


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
