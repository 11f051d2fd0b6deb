"""`bundler inspect`: what an image is, without unpacking it."""

import json
from typing import TYPE_CHECKING, Any

import typer

from bundler.cli.options.bundle import ImageOptions, note_namesake
from bundler.cli.options.spread import spread
from bundler.cli.output.console import short
from bundler.cli.output.report import ReportOptions
from bundler.errors import printable
from bundler.sizes import readable_size

if TYPE_CHECKING:
    from bundler import Image


@spread
def inspect(
    options: ImageOptions,
    *,
    reporting: ReportOptions,
) -> None:
    """Print an image's digests, platform, layers and image config. Layers are not fetched."""
    import bundler

    report = reporting.of("inspect")
    with options.bars() as progress:
        facts = _facts(bundler.inspect(options.request(), progress=progress))
    note_namesake(options.image, quiet=options.quiet)
    if report is not None:
        report.show(facts)
    else:
        typer.echo("\n".join(_lines(facts)))


def _facts(image: "Image") -> dict[str, Any]:
    image_config = image.image_config
    return {
        "name": image.name,
        "transport": image.transport,
        "id": str(image.id),
        "digest": str(image.manifest_digest) if image.manifest_digest else None,
        "platform": str(image_config.platform),
        "layers": [
            {
                "digest": str(layer.blob.digest) if layer.blob.digest else None,
                "diff_id": str(layer.diff_id),
                "size": layer.blob.size,
                "media_type": layer.blob.media_type,
            }
            for layer in image.layers
        ],
        "config": {
            "User": image_config.user,
            "Env": image_config.env,
            "Entrypoint": image_config.entrypoint,
            "Cmd": image_config.cmd,
            "WorkingDir": image_config.working_dir,
            "Volumes": image_config.volumes,
            "ExposedPorts": image_config.exposed_ports,
            "StopSignal": image_config.stop_signal,
            "Labels": dict(image_config.labels),
        },
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [f"{key:<13}{printable(str(facts[key]))}" for key in ("name", "id", "digest", "platform") if facts[key]]
    for number, layer in enumerate(facts["layers"], start=1):
        stored = short(layer["digest"]) if layer["digest"] else "plain tar"
        lines.append(f"layer {number:<7}{short(layer['diff_id'])}  {readable_size(layer['size']):<10}  {stored}")
    for key, value in facts["config"].items():
        if value:
            lines.append(f"{key:<13}{printable(json.dumps(value, ensure_ascii=False))}")
    return lines
