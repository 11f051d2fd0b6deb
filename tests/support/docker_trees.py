"""What a Docker daemon makes of a layer: the files of a container made from an image of it, or that it refuses it."""

import hashlib
import io
import json
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.docker import Docker
from tests.support.tarballs import file, tarball
from tests.support.tree import tree

# What dockerd puts into every container.
OF_DOCKER = frozenset(
    {".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc", "etc/hostname", "etc/hosts", "etc/mtab"}
    | {"etc/resolv.conf", "proc", "sys"}
)


@dataclass(frozen=True)
class DockerTrees:
    docker: Docker

    def exported(self, layer: bytes) -> bytes | None:
        """A tar archive of what becomes of the layer; None if the daemon refuses it."""
        answer = self.docker.ask("POST", "/images/load?quiet=1", _image(layer)).decode()
        if '"errorDetail"' in answer:
            return None
        image = answer.partition("sha256:")[2][:64]
        made = json.loads(
            self.docker.ask("POST", "/containers/create", json.dumps({"Image": image, "Cmd": ["/f"]}).encode())
        )
        try:
            return self.docker.ask("GET", f"/containers/{made['Id']}/export")
        finally:
            self.docker.ask("DELETE", f"/containers/{made['Id']}")


Leaf = tuple[str, str, str, str, int]
"""Type, content (a digest, a target, numbers), mode and owner, the first other name, time in seconds."""


def leaves_of_archive(archive: bytes) -> dict[str, Leaf]:
    """The files in an archive of Docker's own writing, but for what it puts into every container."""
    found: dict[str, Leaf] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            name = member.name.rstrip("/")
            if name in OF_DOCKER or not name:
                continue
            if member.islnk():
                found[name] = found[member.linkname]
                continue
            read = tar.extractfile(member) if member.isreg() else None
            content = hashlib.sha256(read.read()).hexdigest() if read is not None else member.linkname
            if member.isdev() and not member.isfifo():
                content = f"{member.devmajor}:{member.devminor}"
            owner = f"{stat.S_IMODE(member.mode):04o} {member.uid}:{member.gid}"
            found[name] = _leaf(_TYPES[member.type], content, owner, name, int(member.mtime))
    return found


def leaves_of_tree(root: Path) -> dict[str, Leaf]:
    """The same of a folder."""
    return {
        name: _leaf(
            node.type,
            node.content,
            f"{node.mode} {node.owner[0]}:{node.owner[1]}",
            node.same_as,
            node.mtime_ns // 10**9,
        )
        for name, node in tree(root).items()
        if name != "." and name not in OF_DOCKER
    }


def _leaf(kind: str, content: str, owner: str, same_as: str, mtime: int) -> Leaf:
    """A directory's attributes are left out: those of one without an entry differ by unpacker.

    `docker export` knows hard links of regular files only. Docker sets the time of a file from before 1970 to 0, where
    umoci and this unpacker keep it.
    """
    if kind == "directory":
        return kind, "", "", "", 0
    return kind, content, owner, same_as if kind == "file" else "", max(mtime, 0)


_TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.DIRTYPE: "directory",
    tarfile.FIFOTYPE: "fifo",
}


def _image(layer: bytes) -> bytes:
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/f"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
    )
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    return tarball(file("layer.tar", layer), file("config.json", config), file("manifest.json", json.dumps(manifest)))
