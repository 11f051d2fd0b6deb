"""`bundler images`, `rm` and `gc`: what is in the store, and out of it again."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundler.cli.options.access import StoreOption
from bundler.cli.options.spread import spread
from bundler.cli.output.console import short, show_rows
from bundler.cli.output.report import ReportOptions
from bundler.errors import BundlerError, RequestError, printable
from bundler.sizes import readable_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundler.store.find import Kept

DigestsOption = Annotated[
    bool, typer.Option("--digests", help="Also the digests of the manifests, as the registries have them.")
]
WholeOption = Annotated[bool, typer.Option("--no-trunc", help="Whole image ids.")]


@spread
def images(
    *,
    digests: DigestsOption = False,
    no_trunc: WholeOption = False,
    store: StoreOption = None,
    reporting: ReportOptions,
) -> None:
    """List the images of the store: name, platform, image id, and how large the layers are as they are stored."""
    from bundler.store.find import kept, place_of
    from bundler.store.layout import open_store

    report = reporting.of("images")
    listed = []
    place = place_of(store)
    if place.exists():  # before the first fetch there is no store, and nothing in it
        with open_store(place) as opened:
            listed = list(kept(opened))
    if report is not None:
        report.show({"images": [asdict(one) for one in listed]})
    elif listed:
        _show(listed, digests=digests, whole=no_trunc)


def _show(images: "Sequence[Kept]", *, digests: bool, whole: bool) -> None:
    columns = {
        "name": [one.name for one in images],
        "platform": [one.platform for one in images],
        "image id": [one.id if whole else short(one.id) for one in images],
        **({"digest": [one.digest for one in images]} if digests else {}),
        "size": [readable_size(one.size) for one in images],
    }
    show_rows([*columns], [*zip(*columns.values(), strict=True)])


@spread
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names, as `bundler images` lists them.")],
    *,
    store: StoreOption = None,
    reporting: ReportOptions,
) -> None:
    """Take images out of the store, all or none; `bundler gc` then frees what no other image needs."""
    from bundler.images.reference import RegistryReference
    from bundler.store.find import place_of
    from bundler.store.find import remove as remove_names
    from bundler.store.layout import open_store

    report = reporting.of("rm")
    try:
        references = [RegistryReference.parse(name) for name in names]
    except ValueError as error:
        raise RequestError(printable(str(error)), hint="bundler images lists the names") from None
    try:
        with open_store(place_of(store)) as opened:
            remove_names(opened, references)
    except BundlerError as error:
        bundle = next((name for name in names if Path(name, "bundler.json").is_file()), None)
        if bundle is not None:
            error.hint = f"rm -r {shlex.quote(printable(bundle))} removes the bundle that is here"
        raise
    if report is not None:
        report.show({"removed": [str(reference) for reference in references]})


@spread
def collect(*, store: StoreOption = None, reporting: ReportOptions) -> None:
    """Free what no image of the store needs, with umoci; prints how many bytes. Waits for fetches and builds.

    First it removes the bundles that `bundler run IMAGE` keeps, but for those that a container runs from. Without a
    store there is nothing to free, and that is no failure.
    """
    from bundler import bundle_cache
    from bundler.store import collect as garbage
    from bundler.store.find import place_of

    report = reporting.of("gc")
    removed, place = bundle_cache.collect(), place_of(store)
    if removed and report is None:
        typer.echo(f"{removed} bundles removed" if removed > 1 else "1 bundle removed")
    is_there = place.exists()  # before the first fetch there is no store, and nothing to free
    freed = garbage.collect(place) if is_there else 0
    if report is not None:
        report.show({"freed": freed, "bundles": removed})
    elif is_there:
        typer.echo(f"{readable_size(freed)} freed")
    elif not removed:
        typer.echo("nothing to remove")
