"""skopeo, and the images that it copies whole: docker-daemon: and containers-storage: (registry.py has docker://).

What it writes is looked at while it does: how much came, and whether that is still what was to come. skopeo reads a
blob to its end before it holds the digest against it, however long it was said to be.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bundler import tools
from bundler.errors import ImageError, RequestError, printable
from bundler.images.descriptor import Descriptor
from bundler.images.documents import parse_document
from bundler.images.image import Image
from bundler.images.manifest import PlatformChoice
from bundler.images.reference import Choice, RegistryReference
from bundler.images.transports.access import Access, Silence, persist
from bundler.images.transports.directory import open_directory
from bundler.images.transports.files import open_folder
from bundler.images.transports.layout import BLOBS, is_there
from bundler.images.transports.skopeo_failures import MORE_THAN_STATED, explain
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits, raise_hint
from bundler.path_kinds import place_hint
from bundler.progress import Meter, Progress, rising
from bundler.sizes import readable_size

# Beside layers there are documents, of which skopeo takes no more than 4 MiB; six blobs may come at once.
ALLOWANCE: Final = 5 << 20  # bytes of each file

# Told how many bytes have come.
Reach = Callable[[int], None]
# Looks how far the process of that number is; whether something has come, or gone out, since the last time.
Look = Callable[[int], bool]
# Told how large the files are that skopeo writes, it gives the bytes that came up to now, or raises ImageError.
Judge = Callable[[Sequence[int]], int]


@dataclass(slots=True)
class Arrivals:
    """The files in `folders`; `reach` is told how far they have grown."""

    folders: Sequence[Path]
    reach: Reach
    judge: Judge
    _seen: int = 0

    def look(self) -> bool:
        """Whether something came since the last time. Raises ImageError when it is too much."""
        size = self.judge(list(_sizes(self.folders)))
        if size <= self._seen:
            return False
        self.reach(size)
        self._seen = size
        return True


def of(arrivals: Arrivals) -> Look:
    """It does not matter whose doing they are."""
    return lambda _process: arrivals.look()


# Bytes of a write, at the most: Go's runtime wakes its threads by writing 1 or 8 to itself, several times a second,
# also while a registry says nothing.
_WAKING: Final = 16


@dataclass(slots=True)
class Departures:
    """What a process has written, by the kernel's count (proc(5), io): most of it to the registry. `reach` is told."""

    reach: Reach
    _written: int = 0
    _calls: int = 0

    def look(self, process: int) -> bool:
        """Whether something went out; where the kernel does not tell, nothing says that the registry is silent."""
        try:
            counts = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text("ascii").splitlines())
            written, calls = int(counts["wchar"]), int(counts["syscw"])
        except (OSError, ValueError, KeyError):
            return True
        went_out = written - self._written > _WAKING * (calls - self._calls)
        self._written, self._calls = written, calls
        if went_out:
            self.reach(written)
        return went_out


def _sizes(folders: Iterable[Path]) -> Iterator[int]:
    for folder in folders:
        with suppress(FileNotFoundError):  # not begun, or a temporary file that was renamed just now
            for path in folder.iterdir():
                yield path.lstat().st_size


def at_most(name: str, limit: int) -> Judge:
    """For an image whose layers nothing states before they come."""

    def judge(sizes: Sequence[int]) -> int:
        if sum(sizes) > limit:
            what = f"more than the {readable_size(limit)} that an image may have"
            raise ImageError(f"{name}: {what}", hint=raise_hint("unpacked_size"))
        return sum(sizes)

    return judge


def layers_of(name: str, missing: Sequence[Descriptor], layout: Path) -> Judge:
    """For the layers `missing`, each of which appears in `layout` when it is whole.

    That may be another process's doing, which fetches the same into the same store.
    """
    stated = [layer.size for layer in missing]

    def judge(sizes: Sequence[int]) -> int:
        if exceeds(sizes, stated):
            raise ImageError(f"{name}: {MORE_THAN_STATED}")
        whole = sum(layer.size for layer in missing if is_there(layout, layer))
        return min(whole + sum(sizes), sum(stated))  # documents are none of the layers

    return judge


def exceeds(sizes: Sequence[int], stated: Sequence[int]) -> bool:
    """Whether files of these sizes are more than parts of what was stated, whichever is part of which.

    They fit exactly if the largest fits the largest, and so on; documents are stated nowhere.
    """
    room = [*sorted(stated, reverse=True), *(0 for _ in sizes)]
    return any(size > most + ALLOWANCE for size, most in zip(sorted(sizes, reverse=True), room, strict=False))


IMAGE: Final = "image"
_FETCHED: Final = "fetched"
_TEMPORARY: Final = "temporary"
_REGISTRY: Final = "docker://"
_POLL_SECONDS: Final = 0.1
_LONGEST_LIST: Final = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo with the options that hold for every call. Each method raises ToolError or ImageError.

    It `asks_policy`, unless what it copies is none of what the signature policy is about.
    """

    access: Access
    limits: Limits
    asks_policy: bool = True

    def inspect(self, name: str, *options: str) -> bytes:
        """What `skopeo inspect --raw` prints: a document of `name`, which is in a registry, as it is."""
        arguments = ["inspect", *self._options("--tls-verify"), "--raw", *options, name]
        most = self.limits.document_size + 1  # some versions end their output with a newline
        try:
            return persist(self.access, lambda: self._call(name, arguments, output_limit=most))
        except tools.TooMuchOutputError:
            what = f"more than the {readable_size(self.limits.document_size)} that a document may have"
            raise ImageError(f"{name}: {what}", hint=raise_hint("document_size")) from None

    def tags(self, name: str) -> frozenset[str]:
        """All tags of the repository `name`, as its registry lists them."""
        arguments = ["list-tags", *self._options("--tls-verify"), name]
        try:
            listed = persist(self.access, lambda: self._call(name, arguments, output_limit=_LONGEST_LIST))
        except tools.TooMuchOutputError:
            raise ImageError(f"{name}: the list of tags is over {readable_size(_LONGEST_LIST)}") from None
        return frozenset(item.text() for item in parse_document(listed, f"{name}: list of tags").get("Tags").items())

    def copy(self, name: str, folder: Path, meter: Meter, *options: str) -> None:
        """Copy the image `name` of this machine to `folder`/IMAGE; both are made."""
        temporary = folder / _TEMPORARY
        temporary.mkdir(parents=True)
        most = self.limits.unpacked_size
        arrivals = Arrivals([temporary, folder / IMAGE], rising(meter), at_most(name, most))
        arguments = ["copy", "--quiet", *self._options("--src-tls-verify"), *options, name, f"dir:{folder / IMAGE}"]
        # What is not read as a stream is copied here first, and would be left behind in /var/tmp by a skopeo that was
        # killed.
        self._call(name, arguments, of(arrivals), largest_file=most, changed={"TMPDIR": str(temporary)})

    def copy_image(
        self, name: str, folder: Path, layers: Sequence[Descriptor], reach: Reach, *, signatures: bool = False
    ) -> None:
        """Copy the image `name` as it is in its registry, config included, to `folder`/IMAGE, which is made.

        A file has its name there from the moment that it is whole and checked. With `signatures`, those of GPG come
        along from where registries.d says, as `signature-1` and so on.
        """
        arguments = ["copy", "--quiet", *self._options("--src-tls-verify"), "--preserve-digests"]
        arguments += [] if signatures else ["--remove-signatures"]
        arrivals = Arrivals([folder / IMAGE], reach, layers_of(name, layers, folder))
        self._call(name, [*arguments, name, f"dir:{folder / IMAGE}"], of(arrivals), largest_file=_largest(layers))

    def copy_layers(
        self, name: str, folder: Path, layout: Path, missing: Sequence[Descriptor], reach: Reach, *inherited: int
    ) -> None:
        """Copy the layers of the image `name` into `layout`, where those that are there are left alone.

        A layer appears there whole and checked; `missing` are those that do not yet. Only an OCI layout as destination
        can do this, and can be tried again without losing what came. The documents that skopeo writes to `folder`,
        which exists, and beside the layers, converted to OCI's media types, are not the registry's own.
        """
        options = ["--remove-signatures", "--dest-oci-accept-uncompressed-layers"]
        options += ["--dest-shared-blob-dir", str(layout / BLOBS)]
        arrivals = Arrivals([folder], reach, layers_of(name, missing, layout))
        with TemporaryDirectory() as beside:  # skopeo splits oci:PATH:NAME at the first colon, and `folder` is anywhere
            Path(beside, "layout").symlink_to(folder.absolute())
            arguments = ["copy", "--quiet", *self._options("--src-tls-verify"), *options, name, f"oci:{beside}/layout"]
            self._call(name, arguments, of(arrivals), largest_file=_largest(missing), inherited=inherited)

    def upload(self, layout: Path, name: str, reach: Reach, *options: str) -> None:
        """Copy the one manifest or index that `layout` lists to `name`, with the blobs that the registry lacks.

        The signature policy is about what comes here, and not asked.
        """
        with TemporaryDirectory() as beside:  # as above
            Path(beside, "layout").symlink_to(layout.absolute())
            arguments = ["copy", "--quiet", *self._options("--dest-tls-verify"), *options]
            arguments = ["--insecure-policy", *arguments, f"oci:{beside}/layout", name]
            self._call(name, arguments, Departures(reach).look)

    def _call(self, name: str, arguments: Sequence[str], look: Look = lambda _process: False, **settings: Any) -> bytes:
        """What skopeo prints; a registry, and no other place that images come from, is given up if it is silent."""
        silence = Silence(name.removeprefix(_REGISTRY).partition("/")[0], self.access)
        command = [*self._policy(), *arguments]
        with explain(name), tools.start(tools.SKOPEO, command, **settings) as running:
            process = running.program.process.pid
            while not running.ends_within(_POLL_SECONDS):
                if look(process):
                    silence.broken()
                if name.startswith(_REGISTRY):
                    silence.check()
            output = running.wait()
        look(process)
        return output

    def _policy(self) -> list[str]:
        if not self.asks_policy:
            return ["--insecure-policy"]
        return [] if self.access.policy is None else ["--policy", str(self.access.policy)]

    def _options(self, tls_verify: str) -> list[str]:
        authfile = [] if self.access.authfile is None else ["--authfile", _existing(self.access.authfile)]
        verify = self.access.tls_verify
        return authfile + ([] if verify is None else [f"{tls_verify}={str(verify).lower()}"])


def _existing(file: Path) -> str:
    """The path of a file that a person has named. Raises RequestError: skopeo takes a missing one for an empty one."""
    if not file.exists():
        hint = place_hint(file)
        raise RequestError(f"the file {printable(str(file))} does not exist", hint=hint)
    return str(file)


def _largest(layers: Sequence[Descriptor]) -> int:
    """What no file of such layers, or of a document beside them, may grow over."""
    return max((layer.size for layer in layers), default=0) + ALLOWANCE


@contextmanager
def open_stored_image(
    name: str, wanted: PlatformChoice, access: Access, workspace: Path, *, progress: Progress, limits: Limits
) -> Iterator[Image]:
    """An image (`TRANSPORT:NAME`) of the Docker daemon or podman's storage: copied whole, as neither keeps blobs.

    The manifest that skopeo makes up for them, or rewrites, is not the image's own and differs between versions of
    skopeo, so the image has none here; the config, and so the image id, is the image's own.
    """
    transport, _, text = name.partition(":")
    complete = _complete(text)
    options = []
    if transport == "docker-daemon":
        # Unlike Docker's own client, skopeo neither adds a tag nor looks at DOCKER_HOST.
        name = f"{transport}:{complete or text}"
        host = tools.environment().get("DOCKER_HOST")
        options = ["--src-daemon-host", host] if host else []
    with progress.measure(f"copying from {transport}", None) as meter:
        Skopeo(access, limits).copy(name, workspace / _FETCHED, meter, *options)
    with open_folder(workspace / _FETCHED / IMAGE, limits) as files:
        image = open_directory(files, Choice(), wanted, transport=transport)
        called = "" if image.id.encoded.startswith(text) else complete
        yield replace(image, name=called, manifest=None, manifest_digest=None)


def _complete(text: str) -> str:
    """The complete name of an image, or nothing for an image id (`sha256:...`), which is not its name.

    A name in podman's storage may say in brackets which storage (`[vfs@/ROOT+/RUN]NAME`).
    """
    name = None if text.startswith("sha256:") else RegistryReference.find(text.rpartition("]")[2])
    return "" if name is None else str(name)
