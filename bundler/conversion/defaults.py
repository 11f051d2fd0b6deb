"""A profile as a runtime config: what a container gets when neither image nor overrides say anything."""

import json

from bundler.conversion.convert import RuntimeConfig, convert
from bundler.conversion.inputs import Givens
from bundler.conversion.profile import Profile
from bundler.conversion.target import Target
from bundler.images.image_config import parse_image_config
from bundler.origins import Json
from bundler.overrides.load import Overrides


def default_config(profile: Profile, target: Target, architecture: str = "amd64") -> RuntimeConfig:
    """The config of an image that says only what it runs. `architecture` is Go's name."""
    image = {
        "os": "linux",
        "architecture": architecture,
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Cmd": ["/command"]},
    }
    image_config = parse_image_config(json.dumps(image).encode())
    return convert(Givens(image_config=image_config, overrides=Overrides(), profile=profile, target=target))


def without_the_images_part(document: dict[str, Json]) -> dict[str, Json]:
    """`document` less what no profile can say: the command and the name of the container."""
    process = document.get("process")
    kept = {name: value for name, value in document.items() if name not in ("hostname", "ociVersion")}
    if isinstance(process, dict):
        kept["process"] = {name: value for name, value in process.items() if name != "args"}
        kept["process"]["env"] = [entry for entry in process.get("env", ()) if not entry.startswith("HOSTNAME=")]
    return kept
