"""The evidence of a bundle that is built."""

import os
from collections.abc import Iterator
from pathlib import Path

from bundler.bundles.config_file import read_written
from bundler.conversion.process.accounts import Accounts
from bundler.doctor.bundle_facts import accounts_of, open_rootfs, seeker_of
from bundler.errors import RequestError, printable
from bundler.hardening.rootfs_facts import Evidence, gather
from bundler.packing.manifest import manifest_lines
from bundler.rootfs.failures import explain
from bundler.rootfs.mtree import Entry, parse


def look_into(bundle: Path) -> Evidence:
    """Raises RequestError where this is no bundle with a manifest, BundlerError where it cannot be read."""
    document = read_written(str(bundle)).document
    try:
        with open_rootfs(bundle, document) as tree:
            accounts = accounts_of(tree) or Accounts()
            return gather(document, seeker_of(tree, document), accounts, _entries(bundle), None)
    except ValueError as error:
        raise RequestError(f"{printable(str(bundle / 'rootfs.mtree'))}: {error}") from None
    except OSError as error:
        raise explain(error, printable(str(bundle))) from error


def _entries(bundle: Path) -> Iterator[Entry]:
    manifest = bundle / "rootfs.mtree"
    if not os.path.lexists(manifest):
        raise RequestError(
            f"{printable(str(manifest))} is not there, so nothing is known of the files' privileges",
            hint="bundler build writes it; an image can be named instead",
        )
    return parse(manifest_lines(bundle))
