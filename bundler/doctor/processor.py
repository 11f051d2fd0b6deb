"""A bundle for another processor than this machine's: its program could only be started by an emulator."""

import os
from collections.abc import Sequence
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.doctor.bundle_facts import open_rootfs, seeker_of
from bundler.doctor.process_judges import ALSO_RUN
from bundler.errors import ImageError, printable
from bundler.images.platform import Platform
from bundler.targets import architecture, emulated


def check_processor(bundle: Path, arguments: Sequence[str], platform: str, *, label: str) -> None:
    """Raise ImageError where `platform`, of the image, is not this machine's, and neither is the program `arguments`.

    Images say the wrong platform now and then, so the program is looked at, where that is possible. `label` is what
    the caller calls the bundle.
    """
    machine = architecture(os.uname().machine)
    ours = (machine, *ALSO_RUN.get(machine, ()), *emulated())
    try:
        stated = Platform.parse(platform).architecture
    except ValueError:
        return
    if stated in ours:
        return
    needed = _needed(bundle, arguments) or stated
    if needed not in ours:
        raise ImageError(
            f"{printable(label)} is for {printable(platform)}, and this machine's processor is {machine}: "
            f"{printable(arguments[0]) if arguments else 'its program'} cannot be started",
            hint=f"--platform linux/{machine} takes another of the image's platforms, if there is one; the package "
            f"qemu-user-static lets this machine run what is for {needed}",
        )


def _needed(bundle: Path, arguments: Sequence[str]) -> str:
    """The processor that the program is for, in Go's words; empty where that cannot be told from here."""
    opened = Bundle.open(bundle)
    try:
        with open_rootfs(opened) as tree:
            return seeker_of(tree, opened.config).program(arguments[0]).architecture if arguments else ""
    except OSError:
        return ""
