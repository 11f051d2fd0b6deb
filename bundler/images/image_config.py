"""The image config: what the image says about itself and how to run it (image-spec config.md).

`Healthcheck` is Docker's own; the image-spec reserves a place for it.
"""

from dataclasses import field
from typing import Final

from bundler.images.descriptor import parse_platform
from bundler.images.digest import Digest
from bundler.images.documents import Member, parse_document
from bundler.images.platform import UNSTATED, Platform
from bundler.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """`test` is NONE, CMD and words, or CMD-SHELL and a line; times are nanoseconds. Empty and 0 are Docker's default.

    `shell` is what runs the line of CMD-SHELL, where the image has said which.
    """

    test: tuple[str, ...] = ()
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0
    shell: tuple[str, ...] = ()


def parse_healthcheck(execution: Member) -> Healthcheck | None:
    """The health check in the `config` object of an image config. Raises ImageError for what dockerd refuses, too."""
    member = execution.find("Healthcheck")
    if member is None:
        return None
    return Healthcheck(
        test=_words(member, "Test"),
        interval=_number(member, "Interval"),
        timeout=_number(member, "Timeout"),
        start_period=_number(member, "StartPeriod"),
        start_interval=_number(member, "StartInterval"),
        retries=_number(member, "Retries"),
        shell=_words(execution, "Shell"),
    )


def _words(part: Member, name: str) -> tuple[str, ...]:
    member = part.find(name)
    return () if member is None else tuple(item.text() for item in member.items())


def _number(part: Member, name: str) -> int:
    member = part.find(name)
    return 0 if member is None else member.number()


_ROOTFS_TYPE: Final = "layers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """One image config document; the fields of its `config` object (the execution parameters) stand beside the rest.

    An absent, null and empty list or text are one value here, as they are to Docker. `digest` is the digest of the
    document's bytes, which is the image id. No string holds a NUL, and `env` entries all have a name.
    `platform_assumed` says that the document does not name all of its platform.
    """

    digest: Digest
    raw: bytes = field(repr=False)
    platform: Platform
    platform_assumed: bool = False
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
    healthcheck: Healthcheck | None = None


def parse_image_config(
    raw: bytes, where: str | None = None, *, algorithm: str = "sha256", otherwise: Platform = UNSTATED
) -> ImageConfig:
    """Read the image config in `raw`, Docker's or OCI's; its digest, by `algorithm`, becomes the image id.

    `where` names the document in messages (default: its digest). `otherwise` is the platform of what does not say one:
    image-spec demands it, and builders leave it out or empty, which Docker, podman and skopeo pass by. Raises
    ImageError for anything malformed and for images of an operating system other than Linux.
    """
    digest = Digest.of(raw, algorithm)
    document = parse_document(raw, where or f"image config {digest}")
    platform = _platform(document, otherwise)
    if platform.os != "linux":
        raise document.get("os").fault(f"only Linux images can be bundled, this one is for {platform.os}")
    rootfs = document.get("rootfs")
    if rootfs.get("type").text() != _ROOTFS_TYPE:
        raise rootfs.get("type").expected(f'"{_ROOTFS_TYPE}"')
    diff_ids = rootfs.find("diff_ids")
    execution = document.find("config") or Member(document.document, "config", {})
    return ImageConfig(
        digest=digest,
        raw=raw,
        platform=platform,
        platform_assumed=not all(_text(document, name) for name in ("os", "architecture")),
        diff_ids=() if diff_ids is None else tuple(item.digest() for item in diff_ids.items()),
        user=_text(execution, "User"),
        env=_env(execution),
        entrypoint=_list_of_words(execution, "Entrypoint"),
        cmd=_list_of_words(execution, "Cmd"),
        working_dir=_text(execution, "WorkingDir"),
        volumes=_keys(execution, "Volumes"),
        exposed_ports=_keys(execution, "ExposedPorts"),
        labels=_labels(execution),
        stop_signal=_text(execution, "StopSignal"),
        healthcheck=parse_healthcheck(execution),
    )


def _text(part: Member, name: str) -> str:
    member = part.find(name)
    return "" if member is None else member.text()


def _list_of_words(part: Member, name: str) -> tuple[str, ...]:
    """Words of a command line. A text is one word, as in Docker, whatever it holds."""
    member = part.find(name)
    if member is None:
        return ()
    return (member.text(),) if isinstance(member.content, str) else tuple(item.text() for item in member.items())


def _platform(document: Member, otherwise: Platform) -> Platform:
    if _text(document, "architecture"):
        return parse_platform(document if _text(document, "os") else document.with_member("os", otherwise.os))
    return Platform(_text(document, "os").lower() or otherwise.os, otherwise.architecture, otherwise.variant)


def _keys(part: Member, name: str) -> tuple[str, ...]:
    """Volumes and ExposedPorts are sets, written as objects whose values say nothing (Go's `map[string]struct{}`)."""
    member = part.find(name)
    if member is None:
        return ()
    return tuple(Member(key.document, key.path, name).text() for name, key in member.members())


def _env(part: Member) -> tuple[str, ...]:
    """`NAME=VALUE` entries, in order. One without `=` is kept: Docker takes it as "this variable is not set".

    An entry without a name is refused, as dockerd refuses to create its container ("invalid environment variable").
    """
    member = part.find("Env")
    if member is None:
        return ()
    entries = []
    for item in member.items():
        entry = item.text()
        if entry.partition("=")[0] == "":
            raise item.expected("NAME=VALUE")
        entries.append(entry)
    return tuple(entries)


def _labels(part: Member) -> tuple[tuple[str, str], ...]:
    member = part.find("Labels")
    if member is None:
        return ()
    return tuple((Member(label.document, label.path, name).text(), label.text()) for name, label in member.members())
