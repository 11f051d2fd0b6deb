"""A folder with something of every kind that completion offers, and a store beside it."""

import json
from pathlib import Path
from typing import Any

from tests.support.image_files import (
    descriptor,
    docker_files,
    index_of,
    layout_files,
    manifest_of,
    sample,
    write_archive,
    write_folder,
)

REF_NAME = "org.opencontainers.image.ref.name"
NGINX, TEAM = "docker.io/library/nginx:1.27", "registry.example:5000/team/web:2"


def stored_files() -> dict[str, Any]:
    """A layout that lists two images: one of two platforms, one whose platform its config says."""
    amd64, arm64 = sample(), sample(architecture="arm64")
    entries = []
    for name, image, platform in (
        (NGINX, amd64, {"os": "linux", "architecture": "amd64"}),
        (NGINX, arm64, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
        (TEAM, arm64, None),
    ):
        raw = manifest_of(image)[0]
        stated = {} if platform is None else {"platform": platform}
        media_type = json.loads(raw)["mediaType"]
        entries.append(descriptor(media_type, raw, annotations={REF_NAME: name}, **stated))
    return layout_files({"amd64": amd64, "arm64": arm64}) | {"index.json": index_of(*entries)}


def make_completable(folder: Path) -> dict[str, str]:
    """Fill `folder`, and give the environment in which its store is found."""
    folder.mkdir()
    saved = docker_files({"web:1": sample(), "web:2": sample(architecture="arm64")})
    write_archive(folder / "saved.tar", saved)
    write_archive(folder / "two words.tar", saved)
    write_archive(folder / "layout.tar", layout_files({"v1": sample()}))
    write_folder(folder / "layout", layout_files({"v1": sample(), "v2": sample(architecture="arm64")}))
    bundle = folder / "srv/web"
    bundle.mkdir(parents=True)
    config = {"ociVersion": "1.0.2", "process": {"args": ["sh"], "env": []}, "annotations": {"a/b": "c"}}
    (bundle / "config.json").write_text(json.dumps(config))
    (folder / "compose.yaml").write_text("services: {web: {image: a}, db: {image: b, profiles: [debug, tools]}}\n")
    (folder / "inspect.json").write_text('[{"Name": "/shop", "Id": "abcdefabcdef0123"}]')
    (folder / "notes.txt").write_text("")
    (folder / ".hidden.tar").write_text("")
    write_folder(folder.parent / "store", stored_files())
    return {"BUNDLER_STORE": str(folder.parent / "store"), "HOME": str(folder.parent)}
