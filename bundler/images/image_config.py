"""The image config: what the image says about itself and how to run it (image-spec config.md)."""

from dataclasses import dataclass, field

from bundler.images.digest import Digest
from bundler.images.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """One image config document; the fields of its `config` object (the execution parameters) stand beside the rest.

    An absent, null and empty list or text are one value here, as they are to Docker. `digest` is the digest of the
    document's bytes, which is the image id. No string holds a NUL, and `env` entries all have a name.
    """

    digest: Digest
    raw: bytes = field(repr=False)
    platform: Platform
    diff_ids: tuple[Digest, ...]
    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    volumes: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
