"""Files of images of any bytes: refused with one sentence, or imported; never anything else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.carrying.importing import Import
from bundler.carrying.source import Source
from bundler.errors import BundlerError
from bundler.limits import DEFAULTS
from bundler.progress import SILENT
from tests.support.image_files import Files, archive_of, docker_files, layout_files, legacy_files, sample
from tests.support.tarballs import file, tarball

EXAMPLES = min(50, settings().max_examples)  # of each form
NAME = "a.example/b:1"
IMAGE = sample(tarball(file("f", b"1")))
LEFT_OUT = b'{"format":1,"blobs":[{"digest":"sha256:' + b"a" * 64 + b'","size":1,"image":"a"}]}'
FORMS: dict[str, Files] = {
    "layout": layout_files({NAME: IMAGE, "a.example/b:2": sample()}),
    "platforms": layout_files({arch: sample(architecture=arch) for arch in ("amd64", "arm64")}, platforms=True),
    "since": {**layout_files({NAME: IMAGE}), "bundler-left-out.json": LEFT_OUT},
    "docker": docker_files({NAME: IMAGE}),
    "old docker": legacy_files({NAME: IMAGE, "a.example/b:2": sample()}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any-bytes")


def import_of(content: bytes, folder: Path) -> None:
    archive, store = folder / "given.tar", folder / "store"
    archive.write_bytes(content)
    before = (store / "index.json").read_bytes() if store.exists() else b""
    refused = ""
    try:
        Import(limits=DEFAULTS, progress=SILENT, replace=True).into(store, Source.parse(str(archive)))
    except BundlerError as error:
        refused = error.what
    after = (store / "index.json").read_bytes() if store.exists() else b""
    assert "\n" not in refused
    assert before == after or not refused
    assert not list(store.glob(".bundler-*"))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_document_with_other_bytes(form: str, folder: Path, data: st.DataObject) -> None:
    """One document or blob is changed in a place or two; the archive around it is whole."""
    files = dict(FORMS[form])
    name = data.draw(st.sampled_from(sorted(name for name, each in files.items() if isinstance(each, bytes))))
    content = bytearray(bytes(files[name]))  # type: ignore[arg-type]
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(content)))
        piece = data.draw(
            st.sampled_from([b"", b"\0", b'"', b"{", b"}", b"[", b"9", b"-", b"null", b"../", b"sha256:"])
        )
        content[at : at + data.draw(st.integers(0, 3))] = piece
    import_of(archive_of({**files, name: bytes(content)}), folder)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_an_archive_with_other_bytes(form: str, folder: Path, data: st.DataObject) -> None:
    content = bytearray(archive_of(FORMS[form]))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    import_of(bytes(content[: data.draw(st.sampled_from([len(content), at]))]), folder)
