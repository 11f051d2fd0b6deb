"""Words that people type and that are no commands, Docker's first of all: what to do instead.

docs/from-docker.md has the same table. In it NAME is what a container and its service are called, BUNDLE a bundle's
directory. runc may be crun as well.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from bundler.errors import RequestError, closest, printable


class Row(NamedTuple):
    """`words` as they are typed, the usual ones first; `why` no command does it; what does it `instead`."""

    words: tuple[str, ...]
    why: str
    instead: str


_RUNTIMES: Final = "containers are the runtime's, and no daemon stands beside it"
_SYSTEMDS: Final = "a bundle that is to run for long is a service of systemd"
_STORES: Final = "images are in the store"
_DOCUMENTED: Final = "it is in the image's own documents"
_BUNDLES: Final = "the files of a container are those of its bundle"
_CRIU: Final = "the runtime does it, with criu"

ROWS: Final = (
    Row(("ps", "ls", "list", "container ls", "container list"), _RUNTIMES, "`runc list`, or `systemctl status NAME`"),
    Row(
        ("logs",),
        "a container prints to where it was started, and a service to the journal",
        "`journalctl --unit NAME --follow`",
    ),
    Row(("exec", "attach", "sh", "bash", "shell", "enter"), _RUNTIMES, "`runc exec --tty NAME sh`"),
    Row(("stop", "down"), _RUNTIMES, "`runc kill NAME TERM`, or `systemctl stop NAME`"),
    Row(("kill",), _RUNTIMES, "`runc kill NAME KILL`, or `systemctl kill NAME`"),
    Row(("start",), _SYSTEMDS, "`systemctl start NAME`, or `bundler run --detach BUNDLE`"),
    Row(("restart",), _SYSTEMDS, "`systemctl restart NAME`"),
    Row(
        ("create", "container create"),
        "what Docker creates of an image is a bundle here",
        "`bundler build IMAGE -o BUNDLE`, then `bundler run BUNDLE`",
    ),
    Row(("delete", "container rm", "container remove", "container prune"), _RUNTIMES, "`runc delete NAME`"),
    Row(("state", "status", "container inspect"), _RUNTIMES, "`runc state NAME`, or `systemctl status NAME`"),
    Row(("container diff",), "what a container has written is in its bundle", "`bundler verify BUNDLE`"),
    Row(("pause",), _RUNTIMES, "`runc pause NAME`"),
    Row(("unpause", "resume"), _RUNTIMES, "`runc resume NAME`"),
    Row(("top",), _RUNTIMES, "`runc ps NAME`, or `systemd-cgls`"),
    Row(("stats",), _RUNTIMES, "`runc events --stats NAME`, or `systemd-cgtop`"),
    Row(("events",), _RUNTIMES, "`runc events NAME`, or `journalctl --unit NAME --follow`"),
    Row(("wait",), "in the foreground, bundler ends as the container does", "`bundler run BUNDLE`"),
    Row(("rename",), "a container is called what it is run as", "`bundler run BUNDLE --id NAME`"),
    Row(
        ("update", "container update"),
        "limits are in the overrides, and those of what runs are the runtime's",
        "`runc update --memory 512M NAME`, or `bundler build --force`",
    ),
    Row(("port",), "ports are published by a hook of the bundle", "`bundler explain BUNDLE /hooks`"),
    Row(("cp",), _BUNDLES, "`cp PATH BUNDLE/rootfs/PATH`, or `BUNDLE/volumes/NAME/` for its data"),
    Row(("container export",), _BUNDLES, "`tar -C BUNDLE/rootfs -cf FILE .`, or `bundler pack BUNDLE -o FILE`"),
    Row(("extract", "rootfs"), _BUNDLES, "`bundler build IMAGE -o BUNDLE`, and they are in BUNDLE/rootfs"),
    Row(("volume", "volumes"), "volumes are folders of the bundle", "`ls BUNDLE/volumes`"),
    Row(
        ("network", "networks"),
        "the network of a bundle is made when it is run",
        "`network_mode: bridge` in an overrides file, or `--network bridge`",
    ),
    Row(("checkpoint",), _CRIU, "`runc checkpoint --image-path FOLDER NAME`"),
    Row(("container restore",), _CRIU, "`runc restore --image-path FOLDER --bundle BUNDLE NAME`"),
    Row(
        ("enable", "install", "service", "systemd"),
        _SYSTEMDS,
        "`bundler unit BUNDLE -o /etc/systemd/system`, then `systemctl enable --now NAME`",
    ),
    Row(("disable", "uninstall"), _SYSTEMDS, "`systemctl disable --now NAME`"),
    Row(("health", "healthcheck"), "a health check is a service with a timer", "`systemctl status NAME-health`"),
    Row(
        ("compose", "compose up", "up", "stack", "play", "kube", "project build", "project up", "project run"),
        "a compose file becomes a folder, with a bundle for each service",
        "`bundler project compose.yaml -o FOLDER`, then `bundler run FOLDER`",
    ),
    Row(
        ("compose config",),
        "each service of a compose file becomes an overrides file",
        "`bundler overrides from-compose FILE SERVICE`",
    ),
    Row(("image pull", "compose pull", "download", "get"), _STORES, "`bundler fetch IMAGE`"),
    Row(
        ("image push", "compose push", "publish", "upload"),
        "`bundler push` sends packed bundles to a registry, and skopeo images",
        "`skopeo copy oci:FOLDER:TAG docker://IMAGE`, after `bundler repack BUNDLE oci:FOLDER:TAG`",
    ),
    Row(
        ("image", "image ls", "image list", "images ls", "images list", "df", "system df"), _STORES, "`bundler images`"
    ),
    Row(("rmi", "remove", "image rm", "image remove", "images rm"), _STORES, "`bundler rm IMAGE`"),
    Row(("prune", "clean", "cleanup", "image prune", "system prune", "builder prune"), _STORES, "`bundler gc`"),
    Row(
        ("tag",),
        "the store has images by the names that they came with",
        "`skopeo copy docker://IMAGE docker://OTHER`, or `bundler import FILE --name NAME`",
    ),
    Row(
        ("save",),
        "images of the store are exported, and bundles packed",
        "`bundler export IMAGE -o FILE`, or `bundler pack BUNDLE -o FILE`",
    ),
    Row(
        ("load",),
        "an archive of images is built from as it is, or put into the store",
        "`bundler build FILE`, or `bundler import FILE`",
    ),
    Row(("image import",), "an archive of files is built from as it is", "`bundler build rootfs-tar:FILE`"),
    Row(("commit",), "a bundle that was changed becomes an image", "`bundler repack BUNDLE IMAGE`"),
    Row(("history", "image history"), _DOCUMENTED, "`bundler inspect IMAGE`"),
    Row(("manifest", "manifest inspect"), _DOCUMENTED, "`bundler inspect IMAGE --json`"),
    Row(
        ("search", "tags", "list-tags"), "bundler asks a registry for images only", "`skopeo list-tags docker://IMAGE`"
    ),
    Row(("login", "logout"), "skopeo keeps the credentials", "`skopeo login REGISTRY`, or `--authfile FILE`"),
    Row(
        ("trust", "sign"),
        "cosign signs images, and bundler what it packs",
        "`bundler fetch IMAGE --verify-key PUB`, or `bundler pack BUNDLE -o FILE --sign KEY`",
    ),
    Row(("copy",), "images are copied by skopeo", "`skopeo copy docker://IMAGE oci:FOLDER:TAG`"),
    Row(
        ("buildx", "builder", "image build", "bake"),
        "bundler builds bundles from images, and no images from Dockerfiles",
        "`docker build` or `buildah`, then `bundler build FILE`",
    ),
    Row(("convert", "spec", "generate"), "config.json is made from an image", "`bundler config IMAGE`"),
    Row(("schema",), "it is that of overrides files", "`bundler overrides schema`"),
    Row(
        ("check", "validate", "lint"),
        "overrides are checked, and bundles verified",
        "`bundler overrides check FILE`, or `bundler verify BUNDLE`",
    ),
    Row(("version",), "it is an option", "`bundler --version`"),
    Row(
        ("completion", "completions"),
        "it is an option",
        "`bundler --install-completion`, or `bundler --show-completion bash`",
    ),
    Row(
        ("info", "system", "system info", "context", "plugin"),
        "there is a machine to ask, and no daemon",
        "`bundler doctor`",
    ),
    Row(("swarm", "node", "pod", "secret"), "a bundle is for one machine", "`bundler unit BUNDLE`"),
)
WORDS: Final = {word: row for row in ROWS for word in row.words}

# Behind these Docker has the words that it has without them, too.
_FAMILIES: Final = ("container", "image", "compose")
_SWITCHES: Final = re.compile(r"-[adfiqt]+")
_OPERAND: Final = re.compile(r"(?=.*[a-zA-Z])[a-zA-Z0-9][\w./:@-]*", re.ASCII)
_PLACES: Final = re.compile(r"\b(?:NAME|IMAGE|BUNDLE|FILE)\b")
_SHOWN: Final = 80


def refusal(typed: Sequence[str], known: Collection[str]) -> RequestError | None:
    """What to say of a command line that none of the `known` commands begins, or one with Docker's word behind it;
    None where it does begin with one.
    """
    word, pair = typed[0], " ".join(typed[:2])
    if pair in WORDS:
        return _answer(pair, typed[2:])
    if word in known:
        return None
    if word in _FAMILIES and typed[1:]:
        if typed[1] in known:
            return unknown(pair, f"did you mean `bundler {typed[1]}`?")
        if typed[1] in WORDS:
            return _answer(typed[1], typed[2:])
    if word in WORDS:
        return _answer(word, typed[1:])
    meant = closest(word, known) or closest(word, WORDS)
    return unknown(word, WORDS[meant].instead if meant in WORDS else nearest(meant))


def nearest(meant: str | None, above: str = "bundler") -> str:
    """A hint at the command that was meant, or at all."""
    return f"{above} --help lists the commands" if meant is None else f"did you mean `{above} {meant}`?"


def unknown(word: str, hint: str) -> RequestError:
    return RequestError(f"no such command '{printable(word[:_SHOWN])}'", hint=hint)


def _answer(word: str, behind: Sequence[str]) -> RequestError:
    row = WORDS[word]
    return RequestError(f"no such command '{word}': {row.why}", hint=_with_operand(row.instead, behind))


def _with_operand(instead: str, behind: Sequence[str]) -> str:
    """`instead`, with the first word that was typed behind in the place of its first word in capitals."""
    operand = next((word for word in behind if not _SWITCHES.fullmatch(word)), "")
    place = _PLACES.search(instead)
    if place is None or not _OPERAND.fullmatch(operand) or len(operand) > _SHOWN:
        return instead
    return re.sub(rf"\b{place[0]}\b", operand, instead)
