"""What says how a container is to be: overrides, compose files, seccomp filters."""

# ruff: noqa: PLC0415 -- what a target feeds is imported by it, where atheris instruments what is imported

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress

from fuzzing.target import MOST_BYTES, PROJECT, Target


def read_seccomp(content: bytes) -> None:
    """A seccomp filter of one's own, in Docker's or the runtime-spec's format."""
    from bundler.conversion.seccomp import compile_filter
    from bundler.errors import BundlerError
    from bundler.overrides import validation
    from bundler.overrides.yaml_document import parse

    with suppress(BundlerError, ValueError):  # the latter is what compile_filter says, and its caller explains
        profile = parse(content, "filter.json")
        validation.check_value("seccomp", profile)
        plain = profile.plain()
        if isinstance(plain, dict):
            compile_filter(plain, architecture="amd64", capabilities=frozenset(), kernel=(6, 1))


def read_overrides(content: bytes) -> None:
    """An overrides file: YAML, the schema, the normal forms."""
    from bundler.errors import BundlerError
    from bundler.overrides.load import load_one

    with suppress(BundlerError):
        load_one(content, "fuzz.yaml")


def read_compose(content: bytes) -> None:
    """A compose file, whose service `web` is laid over itself; and a file of variables."""
    from bundler.errors import BundlerError
    from bundler.overrides.compose.convert import convert
    from bundler.overrides.compose.project import Reader
    from bundler.overrides.compose.variables import Variables, parse_variables

    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(content)
        file.flush()
        with suppress(BundlerError):
            convert([file.name, file.name], "web", Reader({"TAG": "1"}))
    with suppress(BundlerError):
        parse_variables(content, "fuzz.env", Variables())


def filters() -> Iterator[bytes]:
    yield (PROJECT / "bundler/data/seccomp-docker-28.json").read_bytes()[:MOST_BYTES]
    rule = {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}
    conditional = rule | {
        "includes": {"minKernel": "4.8", "caps": ["CAP_SYS_ADMIN"]},
        "excludes": {"arches": ["s390x"]},
    }
    yield json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule, conditional]}).encode()


def overrides() -> Iterator[bytes]:
    properties = json.loads((PROJECT / "bundler/data/overrides.schema.json").read_bytes())["properties"]
    for key, rule in properties.items():
        yield from (json.dumps({key: example}).encode() for example in rule["examples"])
    yield b"environment: {TZ: Europe/Berlin, DEBUG: null}\nvolumes: &v ['/a:/b:ro', c:/d]\ntmpfs: !reset\n"


def compose_files() -> Iterator[bytes]:
    project = "volumes: {data: {driver_opts: {o: bind, device: /d}}}\nsecrets: {s: {file: s}}"
    for text in overrides():
        yield b"services: {web: " + text + b"}" if text.startswith(b"{") else text
    yield f"services: {{web: {{image: 'x:$TAG', volumes: ['data:/d'], secrets: [s]}}}}\n{project}".encode()
    yield b"x: &x {tty: !reset null}\nservices: {web: {<<: *x, extends: a}, a: {image: '${A:-${B-c}}'}}"


TARGETS = {
    "seccomp": Target(read_seccomp, filters),
    "overrides": Target(read_overrides, overrides),
    "compose": Target(read_compose, compose_files),
}
