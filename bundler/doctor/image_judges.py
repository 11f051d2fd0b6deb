"""Judges of a root filesystem that is an image: what mounts it, and what is written over it; printable sentences."""

from collections.abc import Iterator
from typing import Final

from bundler.doctor.bundle_facts import BundleFacts
from bundler.doctor.host_facts import HostFacts
from bundler.doctor.host_judges import Machine

_WITHOUT_LOOP: Final = (6, 12)
"""The kernel that mounts a file of EROFS by itself."""


def images(machine: Machine) -> Iterator[str]:
    """What keeps this machine from running any bundle with an image."""
    yield from _obstacles(machine.surroundings, machine.target.kernel)


def image(subject: BundleFacts) -> Iterator[str]:
    """The same for a bundle that has one, and writes over it unless it is read-only."""
    around = subject.surroundings
    if around is None or not subject.has_image:
        return
    yield from _obstacles(around, subject.target.kernel)
    if not around.overlay and not subject.config.root_is_readonly:
        yield "what it writes is laid over its image, and the kernel has no overlay file system"


def _obstacles(around: HostFacts, kernel: tuple[int, int]) -> Iterator[str]:
    """An ordinary user has a program read the image, root the kernel."""
    if around.uid != 0:
        if not around.erofsfuse:
            yield "an ordinary user mounts an image by erofsfuse, which is not on PATH"
        return
    if not around.erofs:
        yield "the kernel has no EROFS, which an image is mounted as"
    if not around.loops and kernel < _WITHOUT_LOOP:
        yield "the kernel mounts a file by a loop device, and there is none (from 6.12 on it takes none)"
