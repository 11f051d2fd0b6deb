"""`bundler harden`: an overrides file with what a bundle can do without."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from bundler.cli.console import shown_progress
from bundler.cli.options import BundleOptions, spread
from bundler.errors import RequestError

if TYPE_CHECKING:
    from bundler.hardening.rootfs_facts import Evidence

_PORT: Final = re.compile(r"[0-9]{1,5}")  # of `80/tcp`, or the first of `80-90`


@spread
def harden(options: BundleOptions) -> None:
    """Propose an overrides file that takes away what IMAGE, or the bundle in that directory, does not need.

    Capabilities, setuid files, a writable root filesystem: each line says why. Nothing is applied. An image is unpacked
    into a temporary folder and looked at, with its overrides; nothing of it is started.
    """
    from bundler.bundles.bundle import Bundle
    from bundler.hardening.proposal import propose, write
    from bundler.hardening.rootfs_facts import look_into

    named = options.image
    if named is not None and (Path(named) / "config.json").is_file():
        if options.overrides:
            raise RequestError("a bundle has its overrides already", hint="bundler harden IMAGE --overrides FILE")
        evidence, name = look_into(Bundle.open(Path(named))), Path(named).resolve().name
    else:
        evidence, name = _of_image(options)
    typer.echo(write(propose(evidence), name), nl=False)


def _of_image(options: BundleOptions) -> "tuple[Evidence, str]":
    from bundler.doctor.bundle_facts import seeker_of
    from bundler.dry_run import survey
    from bundler.hardening.rootfs_facts import gather

    with (
        shown_progress(wanted=not options.quiet and sys.stderr.isatty()) as progress,
        survey(options.request(), progress=progress) as found,
    ):
        config, image = found.runtime_config, found.image
        ports = tuple(int(digits[0]) for text in image.image_config.exposed_ports if (digits := _PORT.match(text)))
        evidence = gather(config, seeker_of(found.tree, config), found.accounts, found.entries, ports)
        return evidence, image.name or str(image.id)
