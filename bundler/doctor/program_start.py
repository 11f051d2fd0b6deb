"""Whether the program of a run can be started at all, told before a runtime says so in its own words."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.rootfs_image import UPPER
from bundler.doctor.bundle_facts import open_rootfs, seeker_of
from bundler.doctor.process_judges import ALSO_RUN
from bundler.doctor.program import ElfChain
from bundler.errors import ImageError, RequestError, brief, printable
from bundler.images.platform import Platform
from bundler.targets import architecture, emulated


def check_program(bundle: Path, arguments: Sequence[str], platform: str, *, label: str) -> None:
    """Raise RequestError where the bundle has no such program as `arguments` begin with, and ImageError where neither
    that nor `platform`, of the image, is for this machine. `label` is what the caller calls the bundle.
    """
    opened = Bundle.open(bundle)
    chain = _look(opened, arguments)
    if chain.fault:
        usual = shlex.join(opened.config.process.args)
        hint = f"without a command, {printable(label)} runs {brief(usual)}" if usual else None
        raise RequestError(f"{printable(label)}: {chain.fault}", hint=hint)
    _check_processor(chain.architecture, arguments, platform, label=label)


def _look(bundle: Bundle, arguments: Sequence[str]) -> ElfChain:
    """The files of the program; an empty chain where it cannot be told from here what there is."""
    if not arguments or os.path.lexists(bundle.path / UPPER):
        return ElfChain()
    try:
        with open_rootfs(bundle) as tree:
            return seeker_of(tree, bundle.config).program(arguments[0])
    except OSError:
        return ElfChain()


def _check_processor(needed: str, arguments: Sequence[str], platform: str, *, label: str) -> None:
    """Images say the wrong platform now and then, so the program, if it is known, has the last word."""
    machine = architecture(os.uname().machine)
    ours = (machine, *ALSO_RUN.get(machine, ()), *emulated())
    try:
        stated = Platform.parse(platform).architecture
    except ValueError:
        return
    if stated not in ours and (needed or stated) not in ours:
        raise ImageError(
            f"{printable(label)} is for {printable(platform)}, and this machine's processor is {machine}: "
            f"{printable(arguments[0]) if arguments else 'its program'} cannot be started",
            hint=f"--platform linux/{machine} takes another of the image's platforms, if there is one; the package "
            f"qemu-user-static lets this machine run what is for {needed or stated}",
        )
