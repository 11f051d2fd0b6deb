"""A real Debian image: made by debootstrap, turned into layers by umoci, recompressed by skopeo."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.support.made_once import made_once
from tests.support.outside import outside

# nginx serves a page from inside the container, which takes users, capabilities and mounts that are right; redis-server
# has a user and files of its own.
PACKAGES = "nginx-light,redis-server"
FRACTIONAL_TIME = 1700000000_123456789  # nanoseconds
FALLBACK = ("http://deb.debian.org/debian", "bookworm")

# What the second layer does to the first: files go, files come, a directory is replaced by another of its name.
CHANGES = r"""
    rm -r usr/share/doc usr/share/man
    rm etc/motd
    rm -r var/www/html && mkdir -p var/www/html && echo 'served from a bundle' >var/www/html/index.html
    mkdir srv/new && echo one >srv/new/file && ln srv/new/file srv/new/same-file && ln -s /srv/new/file srv/link
    chown 33:33 srv/new/file && chmod 4750 srv/new/file
    mkfifo -m 0600 srv/fifo
    setfattr -n user.comment -v 'an attribute' srv/new
    cp usr/bin/cat srv/cat && setcap cap_net_bind_service+ep srv/cat
"""

# The machine's apt chooses, dpkg works inside the tree: nothing there has to know mirrors, keys or proxies.
OPTIONS = {
    "Dir::State": "{tree}/var/lib/apt",
    "Dir::State::lists": "{lists}",
    "Dir::State::status": "{tree}/var/lib/dpkg/status",
    "Dir::Cache": "{tree}/var/cache/apt",
    "Dir::Log": "{tree}/var/log/apt",
    "DPkg::Options::": "--force-unsafe-io",
}
NO_SERVICES = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True)
class Mirror:
    """Where Debian's packages come from, and which release."""

    url: str
    codename: str

    @classmethod
    def of_this_machine(cls) -> "Mirror":
        """The mirror that apt uses here, whatever its sources look like; Debian's own if this is no Debian."""
        if shutil.which("apt-get") is None:
            return cls(*FALLBACK)
        format_of_line = "$(ORIGIN) $(COMPONENT) $(RELEASE) $(CODENAME) $(REPO_URI)"
        targets = run("apt-get", "indextargets", "--format", format_of_line, "Created-By: Packages")
        for line in targets.splitlines():
            origin, component, release, codename, url = line.split(" ", 4)
            if (origin, component) == ("Debian", "main") and "-" not in codename + release:
                return cls(url, codename)
        return cls(*FALLBACK)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=cwd, timeout=600)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{said[-4000:]}")
    return done.stdout.decode()


def bootstrap(tree: Path) -> None:
    """Install a minimal Debian with nginx and redis into `tree`."""
    mirror = Mirror.of_this_machine()
    run(*outside(), "debootstrap", "--variant=minbase", f"--include={PACKAGES}", mirror.codename, tree, mirror.url)
    forget_downloads(tree)
    # Before any year that a test could run in, and with a fraction of a second, which not every tool keeps.
    os.utime(tree / "media", ns=(FRACTIONAL_TIME, FRACTIONAL_TIME))


def forget_downloads(tree: Path) -> None:
    """A quarter of a small Debian is what apt has got from its mirror."""
    for leftover in [*tree.glob("var/cache/apt/archives/*.deb"), *tree.glob("var/lib/apt/lists/*_*")]:
        leftover.unlink()


def add_packages(tree: Path, cache: Path, *packages: str) -> None:
    """Install more packages into a Debian of this machine's release, and start none of its services."""
    lists = made_once(cache / f"apt-lists-{datetime.now(UTC).date()}", fetch_lists)  # a mirror drops what is older
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text(NO_SERVICES)
    policy.chmod(0o755)
    inside = ("-o", f"DPkg::Chroot-Directory={tree}")
    apt(tree, lists, *inside, "install", "--yes", "--no-install-recommends", *packages)
    policy.unlink()
    forget_downloads(tree)


def fetch_lists(lists: Path, scratch: Path) -> None:
    """What the mirror has, for each tree that packages are added to."""
    tree = scratch / "tree"
    for folder in (lists / "partial", tree / "var/lib/dpkg"):
        folder.mkdir(parents=True)
    (tree / "var/lib/dpkg/status").touch()
    apt(tree, lists, "update")


def apt(tree: Path, lists: Path, *words: str) -> None:
    """The machine's apt-get, which works on the tree. A TMPDIR of whoever runs the tests is no folder of the tree's."""
    (tree / "var/cache/apt/archives/partial").mkdir(parents=True, exist_ok=True)
    options = [
        word for key, value in OPTIONS.items() for word in ("-o", f"{key}={value.format(tree=tree, lists=lists)}")
    ]
    settings = ("--unset=TMPDIR", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
    run(*outside(), "env", *settings, "apt-get", "--quiet", *options, *words)


def make_layout(layout: Path, scratch: Path) -> None:
    """Write the image `debian` of two gzip layers into an OCI layout: what debootstrap gave, and the CHANGES to it."""
    tree, layer, unpacked = scratch / "tree", scratch / "layer.tar", scratch / "unpacked"
    bootstrap(tree)
    run(
        "tar",
        "--create",
        "--numeric-owner",
        "--format=posix",  # the others have no fractions of a second, or no xattrs
        "--xattrs",
        "--xattrs-include=*",
        "--sort=name",
        "--file",
        layer,
        "--directory",
        tree,
        ".",
    )
    image = f"{layout}:debian"
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", image)
    run("umoci", "raw", "add-layer", "--image", image, layer)
    run("umoci", "unpack", "--image", image, unpacked)
    run("sh", "-euc", CHANGES, cwd=unpacked / "rootfs")
    run("umoci", "repack", "--image", image, unpacked)
    run(
        *("umoci", "config", "--image", image),
        *("--config.cmd", "nginx", "--config.cmd", "-g", "--config.cmd", "daemon off;"),
        *("--config.env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        *("--config.env", "NGINX_VERSION=debian", "--config.exposedports", "80/tcp"),
        *("--config.volume", "/var/log/nginx", "--config.stopsignal", "SIGQUIT"),
    )
    for leftover in (tree, unpacked):
        shutil.rmtree(leftover)
    layer.unlink()


def debian_layout(cache: Path) -> Path:
    """The OCI layout with the image `debian`; made once per cache."""
    return made_once(cache / "debian", make_layout)


def recompressed(layout: Path, destination: Path, compression: str) -> Path:
    """The same image with layers of another compression (gzip, zstd), written by skopeo into another layout."""
    run(
        *("skopeo", "copy", "--quiet", "--dest-compress-format", compression),
        *(f"oci:{layout}:debian", f"oci:{destination}:debian"),
    )
    return destination
