"""Importing: images of a file go into the store, all or none, and only once they are known to be whole and trusted.

Blobs that the store lacks are copied first; then all names appear in one step. An import that fails removes the blobs
that it has brought. One that is interrupted leaves them without a name: `gc` removes them, and another import need not
copy them again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bundler.carrying.contents import Contents, Incoming
from bundler.carrying.layouts import missing
from bundler.carrying.left_out import LeftOut
from bundler.carrying.names import GivenName, name_images
from bundler.carrying.source import Source
from bundler.disk_space import writing_below
from bundler.errors import BundlerError, DifferenceError, ImageError, printable
from bundler.images.descriptor import REF_NAME, Descriptor, descriptor_document, parse_any_descriptor
from bundler.images.digest import Digest
from bundler.images.documents import Member
from bundler.images.reference import RegistryReference, is_attached
from bundler.images.transports.layout import read_blob
from bundler.images.transports.skopeo_failures import MissingError
from bundler.light_dataclasses import dataclass
from bundler.limits import Limits, raise_hint
from bundler.progress import SILENT, Meter, Progress
from bundler.sizes import readable_size
from bundler.store.attached import Listed, loses_nothing, trusted_keys, verify_listed
from bundler.store.collect import discard
from bundler.store.layout import (
    Entry,
    Judge,
    Store,
    called,
    gives_way,
    is_store,
    name_in,
    open_store,
    prepare,
    reference_of,
)
from bundler.trust.policy import Policy

_Named = Sequence[tuple[RegistryReference, Incoming]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """How to import. `names` replace those in the file; `trust` demands signatures; `replace` allows that names
    which mean other images in the store are given to those of the file.
    """

    limits: Limits
    progress: Progress
    names: Sequence[GivenName] = ()
    trust: Policy | None = None
    replace: bool = False

    def into(self, place: Path, source: Source) -> list[tuple[str, str]]:
        """Put the images into the store at `place`, which is made if there is none; gives their names and digests.

        Raises BundlerError, with no name changed, and for what is refused at once with no store made.
        """
        brought: list[Descriptor] = []
        try:
            with (
                self._demanding(),
                _looked_at(place, self.limits) as (existing, workspace),
                source.open(existing.files, workspace, self.limits, self.progress) as contents,
            ):
                checked = self._checked(existing, contents)
                if existing.path == place:
                    self._put(existing, contents, checked, brought)
                else:
                    prepare(place)
                    with open_store(place, limits=self.limits) as store:
                        self._put(store, contents, checked, brought)
        except BundlerError:
            if brought:
                discard(place, brought)
            raise
        return list(checked.names)

    @contextmanager
    def _demanding(self) -> Iterator[None]:
        """Where signatures are demanded, damage is a DifferenceError (exit code 6): what is damaged was not signed."""
        try:
            yield
        except MissingError:
            raise  # it is with the other side, as who exported it has said
        except ImageError as error:
            if self.trust is None or not self.trust.has_keys:
                raise
            raise DifferenceError(error.what, hint=error.hint) from None

    def _checked(self, store: Store, contents: Contents) -> "_Checked":
        """What is to be added, checked as far as no blob has to be read for it. Raises BundlerError."""
        named = name_images(contents.files.label, contents.images, self.names)
        attached = _renamed(contents.attached, named, self.names)
        entries = [*(called(image.entry, str(name)) for name, image in named), *map(_listed, attached)]
        store.check_free(*entries, replaces=gives_way, allowed=self._allowed(store, contents))
        blobs = _distinct(contents)
        self._check_whole(store, contents, blobs)
        self._check_signed(store, contents, named, attached)
        names = sorted({(str(name), str(image.digest)) for name, image in named})
        return _Checked(tuple(names), tuple(entries), tuple(blobs))

    def _put(self, store: Store, contents: Contents, checked: "_Checked", brought: list[Descriptor]) -> None:
        """Add all to the store; `brought` is told of each blob before it comes."""
        # What is there is read once: to take its name for it would keep a damaged blob for ever.
        lacking = [blob for blob in checked.blobs if contents.has(blob) and not store.holds(blob)]
        total = sum(blob.size for blob in lacking)
        with (self.progress if lacking else SILENT).measure(f"importing {contents.files.label}", total) as meter:
            for blob in lacking:
                store.discard_damaged(blob)
                brought.append(blob)
                _put_blob(store, contents, blob, meter)
        store.add(*checked.entries, replaces=gives_way, allowed=self._allowed(store, contents))

    def _allowed(self, store: Store, contents: Contents) -> Judge:
        """What may replace another manifest or index: with --force anything, else what is attached and adds to it."""

        def read(entry: Entry) -> bytes:
            return _read(store, contents, parse_any_descriptor(Member(store.files.label, "", entry)))

        def allowed(old: Entry, new: Entry) -> bool:
            if self.replace:
                return True
            return is_attached(RegistryReference.find(name_in(old))) and loses_nothing(read(old), read(new))

        return allowed

    def _check_whole(self, store: Store, contents: Contents, blobs: Sequence[Descriptor]) -> None:
        """Raise ImageError for a blob that is neither in the file nor, undamaged, in the store, or for too many."""
        for blob in blobs:
            if not contents.has(blob) and not store.holds(blob):
                left = contents.left_out.get(blob.digest, LeftOut(blob.digest, blob.size, ""))
                raise missing(contents.files, store.files, left)
        stored, most = sum(blob.size for blob in blobs), self.limits.unpacked_size
        if stored > most:
            what = f"the images are {readable_size(stored)}, over {readable_size(most)}"
            raise ImageError(f"{contents.files.label}: {what}", hint=raise_hint("unpacked_size"))

    def _check_signed(self, store: Store, contents: Contents, named: _Named, attached: Sequence[Descriptor]) -> None:
        """Raise DifferenceError unless each image is signed as the policy asks, by what is in the file or the store."""
        if self.trust is None:
            return

        listed = Listed([*attached, *store.entries()], partial(_read, store, contents))
        for name, image in named:
            keys = trusted_keys(self.trust, name)
            if keys:
                verify_listed(listed, name, image.digest, keys)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What an import adds to the store: entries of index.json, and the blobs that they lead to."""

    names: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    blobs: tuple[Descriptor, ...]


def _read(store: Store, contents: Contents, document: Descriptor) -> bytes:
    """A document of the file or of the store. Raises ImageError."""
    made = contents.made.get(document.digest)
    return read_blob(contents.over(store.files), document) if made is None else made


def _distinct(contents: Contents) -> list[Descriptor]:
    """Each blob once. Raises ImageError where two manifests state different sizes for one blob: one of them lies."""
    blobs: dict[Digest, Descriptor] = {}
    for blob in (*(blob for image in contents.images for blob in image.blobs), *contents.beside):
        known = blobs.setdefault(blob.digest, blob)
        if known.size != blob.size:
            what = f"{blob.digest} is stated to have {known.size} bytes, and {blob.size}"
            raise ImageError(f"{contents.files.label}: {what}")
    return list(blobs.values())


@contextmanager
def _looked_at(place: Path, limits: Limits) -> Iterator[tuple[Store, Path]]:
    """The store at `place`, or an empty one if there is none yet, and a folder for temporary files."""
    if is_store(place):
        prepare(place)
        with open_store(place, limits=limits) as store, store.stage() as workspace:
            yield store, workspace
        return
    above = next(folder for folder in place.absolute().parents if folder.is_dir())
    with TemporaryDirectory() as empty, writing_below(above, "--store"):
        prepare(Path(empty))
        with open_store(Path(empty), limits=limits) as store:
            yield replace(store, files=replace(store.files, label=printable(str(place)))), above


def _put_blob(store: Store, contents: Contents, blob: Descriptor, meter: Meter) -> None:
    """Raises ImageError for what is not what its digest names."""
    if blob.digest in contents.made:
        store.put(contents.made[blob.digest], blob.digest)
        meter(blob.size)
        return
    held = contents.held[blob.digest]
    try:
        if held.diff_id == held.blob.digest:
            store.put_blob(held, meter)
        else:  # Docker's archives state no digest of what is stored, but one of what it becomes
            store.put_layer(held)
            meter(blob.size)
    except ImageError as error:
        raise ImageError(f"{contents.files.label}: {error.what}", hint=error.hint) from None


def _renamed(attached: Sequence[Descriptor], named: _Named, given: Sequence[GivenName]) -> list[Descriptor]:
    """The entries of attachments, renamed into the repositories that their images have in the store."""
    repositories = {name.repository for name, _ in named}
    entries: dict[RegistryReference, Descriptor] = {}
    for entry in attached:
        name = reference_of(entry)
        if name is None:
            continue
        for place in [replace(each.reference, tag=name.tag) for each in given] or [name]:
            if place.repository in repositories:
                entries[place] = replace(entry, annotations=((REF_NAME, str(place)),))
    return list(entries.values())


def _listed(entry: Descriptor) -> Entry:
    name = entry.annotation(REF_NAME) or ""
    return called(descriptor_document(entry.media_type, entry.digest, entry.size), name)
