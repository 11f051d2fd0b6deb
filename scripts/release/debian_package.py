"""The Debian package: bundler and the wheels it takes in a folder of its own, for a host without a network.

Debian 12 has no python3-isal, and its typer, jsonschema and zstandard are older than bundler's; Debian 13 has other
versions again. So one package carries them for both. /usr/bin/bundler is ruby-bundler's, and no alternative: both can
be installed, since this one has /usr/bin/oci-bundler alone.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from release import debian_texts as texts
from release.archives import File, Tree, read_tree, write_tree
from release.changelog import PROJECT, Release
from release.debian_texts import LIBRARY, NAME, gzipped

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_PROGRAMS: Final = ("dpkg-deb", "strip")
# What wheels have besides modules. Licences are in one place, /usr/share/doc; what is for other folders goes there.
_NO_MODULES: Final = (".md", ".txt", ".pyi")
_OF_ZSH: Final = ("zsh/site-functions", "zsh/vendor-completions")  # below /usr, the first is the administrator's


def why_not(machine: str) -> str | None:
    """What keeps this machine from making a package for `machine`; None if nothing does."""
    if machine != platform.machine() or machine not in _ARCHITECTURES:
        return f"there is no strip for {machine} here" if machine in _ARCHITECTURES else f"Debian has no {machine}"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found: apt install dpkg binutils" if missing else None


def make_package(tree: Tree, release: Release, machine: str, output: Path) -> Path:
    """The package of a `merged` tree."""
    architecture = _ARCHITECTURES[machine]
    made = output / f"{NAME}_{release.version}_{architecture}.deb"
    with TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        write_tree(_library(tree), root / LIBRARY)
        for module in root.rglob("*.so"):
            subprocess.run(["strip", "--strip-unneeded", module], check=True)
        write_tree(_around(tree, release), root)
        size = sum(1 + path.stat().st_size // 1024 for path in root.rglob("*"))
        write_tree(_control(texts.control(release, architecture, size), root), root / "DEBIAN")
        _make_alike(root, release.epoch)
        _pack(root, made, release.epoch)
    return made


def _library(tree: Tree) -> Tree:
    """What is imported, or read by what is imported."""
    return {
        name: File(file.content)
        for name, file in tree.items()
        if not (texts.is_licence(name) or name.endswith(_NO_MODULES) or ".data/" in name or ".dist-info/" in name)
    }


def _around(tree: Tree, release: Release) -> Tree:
    """All that is not below LIBRARY."""
    doc = f"usr/share/doc/{NAME}"
    docs = read_tree(PROJECT / "docs")
    return {
        f"usr/bin/{NAME}": File(texts.COMMAND.encode(), executable=True),
        f"usr/share/python3/runtime.d/{NAME}.rtupdate": File(texts.RTUPDATE.encode(), executable=True),
        f"usr/share/lintian/overrides/{NAME}": File(texts.OVERRIDES.encode()),
        f"{doc}/changelog.gz": gzipped(texts.changelog(release)),
        f"{doc}/CHANGELOG.md.gz": gzipped((PROJECT / "CHANGELOG.md").read_bytes()),
        f"{doc}/copyright": File(texts.copyright_of(tree).encode()),
        f"{doc}/README.md": File((PROJECT / "README.md").read_bytes()),
        **{f"{doc}/docs/{name}": file for name, file in docs.items()},
        **_shared(tree),
    }


def _shared(tree: Tree) -> Tree:
    """What the wheel has for the system: manual pages, by the name that the command has here, and completion."""
    shared = {PurePosixPath(name.partition("/data/share/")[2]): file for name, file in tree.items() if ".data/" in name}
    placed = {}
    for path, file in shared.items():
        if path.parts[0] == "man":
            placed[f"{path.parent}/{path.name.replace('bundler', NAME, 1)}.gz"] = gzipped(file.content)
        elif NAME in path.name:
            placed[str(path).replace(*_OF_ZSH)] = file
    return {f"usr/share/{name}": file for name, file in placed.items()}


def _control(control: str, root: Path) -> Tree:
    find = ["find", "usr", "-type", "f", "-exec", "md5sum", "{}", "+"]
    sums = subprocess.run(find, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {
        "control": File(control.encode()),
        "md5sums": File("".join(f"{line}\n" for line in sorted(sums, key=lambda line: line[34:])).encode()),
        "postinst": File(texts.POSTINST.encode(), executable=True),
        "prerm": File(texts.PRERM.encode(), executable=True),
    }


def _make_alike(root: Path, epoch: int) -> None:
    """The umask and the clock have made these."""
    for path in (root, *root.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (epoch, epoch))


def _pack(root: Path, made: Path, epoch: int) -> None:
    """Level 2 of xz is a fifth larger than 6, and takes a third of the time. lintian knows no zstd."""
    options = ["--root-owner-group", "--uniform-compression", "-Zxz", "-z2", "--threads-max=1", "--build"]
    environment = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8"}
    subprocess.run(["dpkg-deb", *options, root, made], env=environment, check=True, stdout=subprocess.DEVNULL)
