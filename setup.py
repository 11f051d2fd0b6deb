"""What is made when a distribution is built, from the table of the commands: man pages, and completion for shells."""

import re
import sys
from pathlib import Path

from setuptools import setup

PROJECT = Path(__file__).resolve().parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "scripts")]  # PEP 517 leaves it out

from bundler import __version__  # noqa: E402
from bundler.completion.scripts import script  # noqa: E402
from release.man_pages import man_pages  # noqa: E402

COMPLETIONS = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}


def shared() -> dict[str, str]:
    """Each file below share/, for both names of the command."""
    programs = re.findall(
        r"^([a-z-]+) = \"bundler\.__main__", (PROJECT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    pages = {f"man/man{name[-1]}/{name}": text for name, text in man_pages(__version__).items()}
    return pages | {
        place.format(program): script(shell, program) for program in programs for shell, place in COMPLETIONS.items()
    }


def made() -> list[tuple[str, list[str]]]:
    """Write them where setuptools writes what it makes, and say where each is to be."""
    folders: dict[str, list[str]] = {}
    for name, text in shared().items():
        path = Path("build/share", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o644)
        folders.setdefault(str(Path("share", name).parent), []).append(str(path))
    return sorted(folders.items())


setup(data_files=made())
