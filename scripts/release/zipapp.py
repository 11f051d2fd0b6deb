"""bundler.pyz: bundler with all it imports in one file, for each of several Pythons on one kind of machine."""

import hashlib
from pathlib import Path
from typing import Final

from release.archives import File, Tree, zipped
from release.launcher import FILES

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_OLDEST: Final = (3, 11)
# Any Python has to understand this one, to say what is missing.
_MAIN: Final = """\
import sys

if sys.version_info < {oldest}:
    sys.stderr.write("bundler: error: Python {version} or newer is needed, and this is %d.%d\\n" % sys.version_info[:2])
    sys.stderr.write("bundler: hint: name it: python{version} bundler.pyz ...\\n")
    sys.exit(1)

import launcher

launcher.start("{digest}", {endings})
"""
_FIRST_LINE: Final = b"#!/usr/bin/env python3\n"


def make_zipapp(tree: Tree, epoch: int, output: Path) -> Path:
    """The zipapp of a `merged` tree."""
    files = {FILES + name: file for name, file in tree.items()}
    main = _MAIN.format(
        oldest=_OLDEST, version=".".join(map(str, _OLDEST)), digest=digest_of(tree), endings=endings_of(tree)
    )
    first = {"__main__.py": File(main.encode()), "launcher.py": File(_LAUNCHER.read_bytes())}
    made = output / "bundler.pyz"
    made.write_bytes(_FIRST_LINE + zipped({**first, **files}, epoch))
    made.chmod(0o755)
    return made


def digest_of(tree: Tree) -> str:
    """What names the folder that the tree is unpacked to: any other content has another one."""
    each = "".join(f"{hashlib.sha256(file.content).hexdigest()} {name}\n" for name, file in sorted(tree.items()))
    return hashlib.sha256(each.encode()).hexdigest()[:32]


def endings_of(tree: Tree) -> tuple[str, ...]:
    """`.cpython-311-x86_64-linux-gnu.so` and its like, of all compiled modules that are there."""
    return tuple(sorted({name[name.index(".cpython-") :] for name in tree if name.endswith(".so")}))
