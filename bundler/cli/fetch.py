"""`bundler fetch`: images from registries into the store."""

from typing import Annotated

import typer

from bundler.cli.options.access import AccessOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.report import ReportOptions
from bundler.errors import RequestError


@spread
def fetch(
    options: AccessOptions,
    *,
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Names of images in registries.")],
    all_platforms: Annotated[
        bool, typer.Option("--all-platforms", help="Fetch an image whole, for all platforms that it is there for.")
    ] = False,
    reporting: ReportOptions,
) -> None:
    """Fetch images into the store, where `build` finds them without the network.

    The bytes of manifests and configs are those of the registry, and so are the digests, which are printed: one line
    for each image. Layers that are in the store are not fetched again, also those of a fetch that was interrupted.
    The signatures that are attached to an image come along, for `build --verify-key` to verify them offline.
    """
    from bundler.images.manifest import PlatformChoice
    from bundler.images.transports.table import parse_reference
    from bundler.store.fetch import Fetch
    from bundler.store.find import place_of
    from bundler.store.layout import open_store, prepare

    report = reporting.of("fetch")
    request = options.request(image=None)
    if request.access.offline:
        raise RequestError("fetch needs the network, and --offline forbids it")
    if all_platforms and request.platform is not None:
        raise RequestError("--platform and --all-platforms exclude each other")
    references = [parse_reference(image) for image in images]
    names = [reference.name_in_registry() for reference in references]
    for reference in references:
        request.check_digest(reference)
    place = place_of(request.store)
    prepare(place)
    with (
        options.bars() as progress,
        open_store(place, limits=request.limits) as store,
    ):
        wanted = PlatformChoice.of(request.platform, request.machine)
        fetching = Fetch(
            access=request.access,
            limits=request.limits,
            progress=progress,
            wanted=wanted,
            every=all_platforms,
            trust=request.trust,
        )
        fetched = []
        for name in names:
            digest = fetching.into(store, name)
            fetched.append({"name": str(name), "digest": str(digest)})
            if report is None:
                typer.echo(f"{name} {digest}")
    if report is not None:
        report.show({"images": fetched})
