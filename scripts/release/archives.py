"""Archives whose bytes depend on what is in them, and on nothing of the machine, the user or the moment.

Only what a file is called, whether it may be executed, and its content gets in. The compressors are those of this
Python: two machines agree as far as their zlib does.
"""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_LEVEL: Final = 6  # 9 takes five times as long for a hundredth less
_UNIX: Final = 3  # who made a zip entry, and so what its mode means
_NEVER: Final = ("__pycache__", ".pyc", ".egg-info")


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    executable: bool = False

    @property
    def mode(self) -> int:
        return 0o755 if self.executable else 0o644


Tree = Mapping[str, File]


def read_file(path: Path) -> File:
    return File(path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))


def read_tree(folder: Path) -> dict[str, File]:
    """The files below `folder` by their names, without what Python and setuptools leave behind."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {str(path.relative_to(folder)): path for path in paths}
    return {
        name: read_file(path)
        for name, path in names.items()
        if not any(part.endswith(_NEVER) for part in name.split("/"))
    }


def write_tree(tree: Tree, folder: Path) -> None:
    for name, file in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)


def read_tar(archive: Path) -> dict[str, File]:
    tree = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                tree[member.name] = File(stream.read(), bool(member.mode & stat.S_IXUSR))
    return tree


def read_zip(archive: Path) -> dict[str, File]:
    with zipfile.ZipFile(archive) as files:
        return {
            entry.filename: File(files.read(entry), bool(entry.external_attr >> 16 & stat.S_IXUSR))
            for entry in files.infolist()
            if not entry.is_dir()
        }


def tar_gz(tree: Tree, epoch: int) -> bytes:
    """A tar of root's files, compressed; they are sorted by name."""
    packed = io.BytesIO()
    # gzip.compress writes a header that differs between versions of Python; this class does not.
    with (
        gzip.GzipFile("", "wb", _LEVEL, packed, mtime=epoch) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, file in sorted(tree.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(file.content), file.mode, epoch
            member.uname = member.gname = "root"
            tar.addfile(member, io.BytesIO(file.content))
    return packed.getvalue()


def zipped(tree: Tree, epoch: int) -> bytes:
    """A zip of files in the order of `tree`: a wheel has its metadata at the end."""
    packed = io.BytesIO()
    moment = datetime.fromtimestamp(epoch, UTC).timetuple()[:6]
    with zipfile.ZipFile(packed, "w") as files:
        for name, file in tree.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | file.mode) << 16
            files.writestr(entry, file.content, zipfile.ZIP_DEFLATED, _LEVEL)
    return packed.getvalue()
