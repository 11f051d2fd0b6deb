"""Options that a command does not have, and what is meant by them: those of other commands, and of other programs."""

from typing import Final, NamedTuple

_OUTPUT: Final = ("-o", "--output", "--out", "-O")
_DOCKERFILE: Final = (
    "bundler reads no Dockerfile: docker build -t NAME ., then docker save NAME | bundler build - -o BUNDLE"
)
_TAKING: Final = ("verify", "unpack", "apply", "pull")
_OF_IMAGES: Final = ("build", "project", "config", "lock", "fetch", "import", "run", "upgrade")
_TALKATIVE: Final = ("--verbose", "--debug", "-D", "-vv")


class _Row(NamedTuple):
    """`options` of `commands` (all, where there are none), and what to do instead."""

    options: tuple[str, ...]
    commands: tuple[str, ...]
    instead: str


# The first row that fits counts.
_ROWS: Final = (
    _Row(_OUTPUT, ("explain",), "what it prints goes to a file with > FILE, and a page with --html FILE"),
    _Row(
        _OUTPUT,
        ("config", "inspect", "review", "diff", "images", "doctor", "verify", "overrides"),
        "what it prints goes to a file with > FILE",
    ),
    _Row(("--html",), ("review",), "the page is written by bundler explain BUNDLE --html FILE"),
    _Row(("-t", "--tag"), ("build",), "-o BUNDLE says where the bundle is to be; with a terminal, bundler run -t"),
    _Row(
        (
            *("-f", "--file", "--build-arg", "--no-cache", "--pull", "--push", "--load", "--secret", "--ssh"),
            *("--cache-from", "--cache-to", "--build-context", "--iidfile", "--squash"),
        ),
        ("build",),
        _DOCKERFILE,
    ),
    _Row(("-a", "--all", "--filter", "--format=table"), ("images",), "all images of the store are listed"),
    _Row(
        ("-a", "--all", "-f", "--force"), ("gc",), "bundler rm NAME takes images out of the store, then gc frees them"
    ),
    _Row(("-f", "--force"), ("rm",), "nothing asks back: bundler rm NAME"),
    _Row(("--kit",), ("build", "project", "push", "export"), "bundler pack BUNDLE --kit -o KIT makes a kit of it"),
    _Row(("--key",), ("pack", "delta", "push"), "--sign KEY signs it; who takes it asks for that with --key PUB"),
    _Row(("--sign",), _TAKING, "--key PUB asks for a signature; bundler pack, delta and push write it with --sign KEY"),
    _Row(("--verify-key", "--trust"), _TAKING, "signatures of images are cosign's; of a packed bundle: --key PUB"),
    _Row(("--key", "--sign"), _OF_IMAGES, "images are signed by cosign, and verified with --verify-key PUB"),
    _Row(_TALKATIVE, (), "a failure is told whole without it; --progress plain tells each step in a line"),
)


def meant_by(option: str, command: str) -> str | None:
    """What to do instead of an `option` that the `command` (`overrides check`) has not; None for what is mistyped."""
    first = command.partition(" ")[0]
    return next(
        (row.instead for row in _ROWS if option in row.options and (first in row.commands or not row.commands)), None
    )
