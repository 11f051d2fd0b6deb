"""Inputs of a conversion from short texts: an image's `config` object, an overrides file, passwd and group."""

import json
from collections.abc import Mapping
from typing import Any

from bundler.conversion.convert import convert
from bundler.conversion.process.accounts import parse_accounts
from bundler.conversion.rule import Inputs
from bundler.conversion.target import Target
from bundler.images.image_config import ImageConfig, parse_image_config
from bundler.overrides.load import Overrides, load_one
from bundler.overrides.merge import merge
from bundler.overrides.node import Node
from bundler.profiles import load_profile

COMMAND = {"Cmd": ["/bin/true"]}
DEBIAN_12 = Target()
PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002::/srv/app:/bin/sh\n"
GROUP = b"root:x:0:\nwheel:x:10:root\naudio:x:29:app\nvideo:x:44:app,other\napp:x:1002:\n"


def image_config(config: Mapping[str, Any] | None = None, architecture: str = "amd64") -> ImageConfig:
    document = {
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": dict(COMMAND if config is None else config),
    }
    return parse_image_config(json.dumps(document, sort_keys=True).encode())


def overrides(*texts: str) -> Overrides:
    """Overrides files of these texts, merged in order; they are called 0.yaml, 1.yaml and so on."""
    merged: dict[str, Node] = {}
    for number, text in enumerate(texts):
        merged = merge(merged, load_one(text.encode(), f"{number}.yaml"))
    return Overrides(merged)


def inputs(
    *texts: str,
    config: Mapping[str, Any] | None = None,
    architecture: str = "amd64",
    passwd: bytes | None = PASSWD,
    group: bytes | None = GROUP,
    target: Target = DEBIAN_12,
) -> Inputs:
    return Inputs(
        image_config=image_config(config, architecture),
        overrides=overrides(*texts),
        profile=load_profile(),
        target=target,
        accounts=parse_accounts(passwd, group),
    )


def converted(*texts: str, **more: Any) -> dict[str, Any]:
    """config.json for overrides files of these texts; `more` is what `inputs` takes."""
    return convert(inputs(*texts, **more)).document
