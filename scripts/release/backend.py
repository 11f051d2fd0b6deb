"""What pip calls to build bundler (PEP 517): setuptools, and what is made at that moment.

That is the man pages and completion for shells, from the table of the commands. pyproject.toml says where the
installation has them. A script of setuptools' own, and a list of what is in the sdist, would be two more files at the
project's top.
"""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,  # it installs none of what is shared
    get_requires_for_build_editable,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from bundler import __version__
from bundler.completion.scripts import script
from release.archives import File, tar_gz, write_tree
from release.changelog import PROJECT, latest
from release.man_pages import man_pages
from release.sources import sources

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = Mapping[str, Any] | None

_SHARED: Final = PROJECT / "build/share"  # [tool.setuptools.data-files] has what is there
_COMPLETIONS: Final = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    _write_shared()
    made: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    return made


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """All that a clone has, since the tests run in an sdist, too; and PKG-INFO, which a wheel has as METADATA."""
    with TemporaryDirectory() as scratch:
        metadata = Path(scratch, prepare_metadata_for_build_wheel(scratch, config_settings))
        name = metadata.name.removesuffix(".dist-info")
        tree = {**sources(), "PKG-INFO": File((metadata / "METADATA").read_bytes())}
    made = f"{name}.tar.gz"
    packed = tar_gz({f"{name}/{path}": file for path, file in tree.items()}, latest().epoch)
    Path(sdist_directory, made).write_bytes(packed)
    return made


def _write_shared() -> None:
    shutil.rmtree(_SHARED, ignore_errors=True)  # or the page of a command that is gone would be installed, too
    write_tree(_shared(), _SHARED)


def _shared() -> dict[str, File]:
    """Each file below share/, for both names of the command."""
    pages = {f"man/man{name[-1]}/{name}": text for name, text in man_pages(__version__).items()}
    programs = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    completions = {
        place.format(program): script(shell, program) for program in programs for shell, place in _COMPLETIONS.items()
    }
    return {name: File(text.encode()) for name, text in (pages | completions).items()}
