"""bundler.json: what a bundle was made from, and where every value of its config.json came from.

It says nothing that depends on where the image was read from (a registry, a file carried by hand) or on the build
machine, so that the same image and overrides give the same bytes everywhere.
"""

from collections.abc import Sequence

from bundler import __version__
from bundler.conversion.convert import RuntimeConfig
from bundler.conversion.givens import Givens
from bundler.conversion.volumes import BundleFolder
from bundler.origins import Json

FORMAT = 1


def record(givens: Givens, runtime_config: RuntimeConfig, folders: Sequence[BundleFolder]) -> dict[str, Json]:
    """The content of bundler.json."""
    image_config = givens.image_config
    return {
        "format": FORMAT,
        "bundler": __version__,
        "image": {
            "id": str(image_config.digest),
            "platform": str(image_config.platform),
            "diff_ids": [str(diff_id) for diff_id in image_config.diff_ids],
        },
        "profile": givens.profile.id,
        "target": givens.target.described(),
        "overrides": [{"name": file.name, "sha256": file.sha256} for file in givens.overrides.files],
        "folders": {folder.path: folder.seed for folder in folders},
        "origins": {pointer: str(origin) for pointer, origin in sorted(runtime_config.origins.items())},
    }
