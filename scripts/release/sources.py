"""What the project consists of: these names at its top, and all that is below them."""

from pathlib import Path
from typing import Final

from release.archives import Tree, read_file, read_tree, write_tree
from release.changelog import PROJECT

# Whatever else lies in the folder, such as a build/ of yesterday, is not looked at.
FOLDERS: Final = (".ci", "bundler", "docs", "scripts", "testdata", "tests")
FILES: Final = (
    *(".gitignore", ".pre-commit-hooks.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    "pyproject.toml",
)


def sources(project: Path = PROJECT) -> Tree:
    """Every file of the project; an sdist has no git to ask for them."""
    below = {f"{name}/{path}": file for name in FOLDERS for path, file in read_tree(project / name).items()}
    return below | {name: read_file(project / name) for name in FILES}


def copy_sources(destination: Path, project: Path = PROJECT) -> None:
    """Into an empty folder: setuptools writes beside what it reads."""
    write_tree(sources(project), destination)
