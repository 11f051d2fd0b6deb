"""What a Debian package says of itself: the files of its control archive, and those that policy asks for."""

import gzip
import io
import textwrap
from pathlib import PurePosixPath
from typing import Final

from release.archives import File, Tree
from release.changelog import Release

NAME: Final = "oci-bundler"
LIBRARY: Final = "usr/lib/oci-bundler"
# No address is known. A name below `.invalid` is nobody's (RFC 2606).
_MAINTAINER: Final = "The bundler contributors <contributors@oci-bundler.invalid>"
_DEPENDS: Final = "python3 (>= 3.11), python3 (<< 3.15), libc6 (>= 2.17), libgcc-s1"
_RECOMMENDS: Final = "skopeo, umoci, runc | crun"
_SUGGESTS: Final = "containernetworking-plugins, erofs-utils, squashfs-tools"
_DESCRIPTION: Final = """\
Turns a container image into an OCI runtime bundle, with Docker's defaults and without Docker. The bundle is a folder
that runc or crun runs.

Images come from registries, by skopeo, and without a network from what docker save, podman save or skopeo have
written. What it takes besides Python is in this package, for each of several versions of Python.

The command is oci-bundler, since ruby-bundler has a command bundler.
"""
_COPYRIGHT: Final = f"""\
bundler is licensed under the Apache License, version 2.0, which is in
/usr/share/common-licenses/Apache-2.0 on Debian systems.

Copyright: The bundler contributors

Below /{LIBRARY} are works of others, on these terms:
"""
# As dh_python3 has them for a private directory: what every user imports is compiled once, by root.
POSTINST: Final = f"""\
#!/bin/sh
set -e
if command -v py3compile >/dev/null 2>&1; then
    py3compile -p {NAME} /{LIBRARY}
fi
"""
PRERM: Final = f"""\
#!/bin/sh
set -e
if command -v py3clean >/dev/null 2>&1; then
    py3clean -p {NAME}
fi
"""
RTUPDATE: Final = f"""\
#!/bin/sh
# Debian's default Python has become another one.
set -e
if [ "$1" = rtupdate ]; then
    py3clean -p {NAME} /{LIBRARY}
    py3compile -p {NAME} /{LIBRARY}
fi
"""
# -I: what a user has installed or set changes nothing of a command of the system.
COMMAND: Final = f"""\
#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/{LIBRARY}")

from bundler.__main__ import main

main()
"""
OVERRIDES: Final = f"""\
# Compiled by those who make the wheels, and held to the sums that the release has of them.
{NAME}: binary-has-unneeded-section * [{LIBRARY}/*]
{NAME}: hardening-no-bindnow [{LIBRARY}/*]
{NAME}: hardening-no-fortify-functions [{LIBRARY}/*]
{NAME}: embedded-library libzstd [{LIBRARY}/zstandard/*]
# They are read, and copied into bundles.
{NAME}: script-not-executable [{LIBRARY}/bundler/data/*]
"""


def control(release: Release, architecture: str, kilobytes: int) -> str:
    first, *rest = _DESCRIPTION.rstrip().split("\n\n")
    fields = {
        "Package": NAME,
        "Version": release.version,
        "Architecture": architecture,
        "Maintainer": _MAINTAINER,
        "Installed-Size": kilobytes,
        "Depends": _DEPENDS,
        "Recommends": _RECOMMENDS,
        "Suggests": _SUGGESTS,
        "Section": "admin",
        "Priority": "optional",
        "Description": "\n .\n".join(
            ["container image to OCI runtime bundle", *(_indented(text) for text in (first, *rest))]
        ).replace("\n .\n", "\n", 1),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def changelog(release: Release) -> str:
    """A native package's changelog, which points to the one that people read."""
    day = f"{release.date:%a, %d %b %Y} 00:00:00 +0000"
    return (
        f"{NAME} ({release.version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- {_MAINTAINER}  {day}\n"
    )


def copyright_of(tree: Tree) -> str:
    """Who has written what is in the package, and on which terms: all the licences that came with the wheels."""
    parts = [_COPYRIGHT]
    for name, file in sorted(tree.items()):
        if is_licence(name) and not name.startswith("oci_bundler-"):
            place = name.split("/")[0].removesuffix(".dist-info")
            parts.append(f"{'-' * 72}\n{place} ({PurePosixPath(name).name})\n\n{file.content.decode().strip()}\n")
    return "\n".join(parts)


def is_licence(name: str) -> bool:
    return PurePosixPath(name).name.startswith(("LICENSE", "COPYING", "AUTHORS"))


def gzipped(text: str | bytes) -> File:
    """As policy wants changelogs and manual pages: compressed as far as gzip can, without a date."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as stream:
        stream.write(text.encode() if isinstance(text, str) else text)
    return File(packed.getvalue())


def _indented(paragraph: str) -> str:
    return textwrap.indent(textwrap.fill(paragraph.replace("\n", " "), 76), " ")
