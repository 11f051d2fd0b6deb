"""A bundle is reviewed: its documents are read, compared, and put into words."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from bundler.approval.calls import calls_section
from bundler.approval.contents import contents_section, facts_section, look_into
from bundler.approval.devices import devices_section
from bundler.approval.files import files_section
from bundler.approval.limits import limits_section
from bundler.approval.namespaces import namespaces_section
from bundler.approval.network import network_section
from bundler.approval.others import others_section
from bundler.approval.outside import outside_section
from bundler.approval.packed_documents import packed_documents
from bundler.approval.privileges import privileges_section
from bundler.approval.process import process_section
from bundler.approval.review import Comparison, Review, Section
from bundler.approval.subject import Subject, setters_of
from bundler.bundles.bundle import Bundle
from bundler.bundles.reach import exposed_here
from bundler.bundles.verification.bundle_verification import changed_pieces
from bundler.bundles.verification.comparison import Change
from bundler.compare.defaults import comparable
from bundler.compare.explanation import explain
from bundler.profiles import DEFAULT, load_profile

_DOCUMENTS: Final = ("config.json", "rootfs.mtree")
SECTIONS: Final[tuple[Callable[[Subject], Section], ...]] = (
    process_section,
    privileges_section,
    files_section,
    network_section,
    devices_section,
    namespaces_section,
    calls_section,
    limits_section,
    outside_section,
)


def review(bundle: str | Path | Bundle, *, against: str | Path | Bundle | None = None) -> Review:
    """What a bundle may touch, beside Docker's defaults, and beside something else if it is named.

    `bundle` is a bundle, its directory, or a packed one, of which only the documents are read. `against` is what `diff`
    takes: a bundle, a config.json, the name of a profile. The same bundle gives the same review on any machine: nothing
    of this one is looked at. Raises RequestError for what is no bundle, ImageError for a file that holds none.
    """
    if isinstance(bundle, Bundle) or Path(bundle).is_dir() or not Path(bundle).exists():
        opened = Bundle.open(bundle if isinstance(bundle, Bundle) else Path(bundle))
        return _reviewed(opened, str(opened.path), against, tuple(_changes(opened)))
    with packed_documents(Path(bundle)) as documents:
        changes = tuple(each for each in _changes(documents) if each.path in _DOCUMENTS)
        return _reviewed(documents, str(bundle), against, changes)


def _reviewed(bundle: Bundle, name: str, against: str | Path | Bundle | None, changes: tuple[Change, ...]) -> Review:
    setters = setters_of(explain(bundle).leaves)
    written = bundle.config_file
    baseline, compared = comparable(DEFAULT, bundle)
    subject = Subject(written.config, compared, baseline, setters, written.recorded or {})
    facts = look_into(bundle, name)
    return Review(
        name=name,
        profile=load_profile().id,
        sections=(*sections_of(subject), contents_section(facts, written.config)),
        facts=facts_section(bundle),
        against=None if against is None else _comparison(subject, bundle, against),
        warnings=tuple(_warnings(bundle, changes)),
    )


def sections_of(subject: Subject) -> tuple[Section, ...]:
    """All that is about config.json, and one for what the others do not speak of, if there is anything."""
    sections = tuple(section(subject) for section in SECTIONS)
    others = others_section(subject, sections)
    return (*sections, others) if others.rows else sections


def _comparison(subject: Subject, bundle: Bundle, against: str | Path | Bundle) -> Comparison:
    """The rows that differ from something else than Docker's defaults."""
    baseline, compared = comparable(against, bundle)
    sections = sections_of(replace(subject, baseline=baseline, compared=compared))
    differing = (replace(section, rows=tuple(row for row in section.rows if row.differences)) for section in sections)
    name = str(against.path) if isinstance(against, Bundle) else str(against)
    return Comparison(name=name, sections=tuple(section for section in differing if section.rows))


def _changes(bundle: Bundle) -> Iterator[Change]:
    """What of the bundle's own files is not as it was built, as far as there is a record of it."""
    record = bundle.any_record
    if record is not None and isinstance(record.document.get("manifest"), str):
        yield from changed_pieces(bundle, record.document)


def _warnings(bundle: Bundle, changes: tuple[Change, ...]) -> Iterator[str]:
    """Why what is told here need not be what was built, and what no bundle should have."""
    record = bundle.any_record
    if record is None:
        yield "there is no bundler.json: who set a value is only known where it is Docker's default"
    elif not isinstance(record.document.get("manifest"), str):
        yield "bundler.json knows no rootfs.mtree: the files of the image are not known"
    for change in changes:
        yield f"{change.path or 'the folder of the bundle'} is not as it was built ({change.what})"
    for fault in exposed_here(bundle.path, bundle.config_file.config, here=False):
        yield f"config.json{fault.pointer}: {fault.what}"
