"""A registry that lies is found out: nothing appears, or what was pushed."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bundler.deltas.format import LENGTH, MAGIC
from bundler.images.media_types import OCI_INDEX, OCI_MANIFEST, PUSHED_BUNDLE, PUSHED_DELTA, PUSHED_SIGNATURE
from tests.support.command import bundler, call_bundler
from tests.support.deltas import written
from tests.support.faulty_registry import Endless, answer, cut, faulty_registry, refuse, swap, times
from tests.support.image_files import layout_files, manifest_of, sample, sha256, write_archive
from tests.support.pushed import EMPTY, ZSTD, Shop, artifact, described, encoded, names
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET, SIGNIFY_SECRET

pytestmark = pytest.mark.tool("skopeo")
PLAIN: Final = ("--tls-verify=false", "--retries", "0")
NOTHING: Final[list[str]] = []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bundles, packed and signed, the delta between them, and keys."""
    folder = tmp_path_factory.mktemp("made")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    for name, content in {"web.pub": MINISIGN, "web.key": MINISIGN_SECRET, "other.key": SIGNIFY_SECRET}.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    for name, options in {"old": (), "new": ("--read-only",), "third": ("-e", "A=b")}.items():
        bundler("build", "image.tar", "--rootless", "-q", *options, "-o", name, cwd=folder)
        bundler("pack", name, "-q", "-o", f"{name}.tar.zst", "--sign", "web.key", cwd=folder)
    bundler("pack", "new", "-q", "-o", "strange.tar.zst", "--sign", "other.key", cwd=folder)
    for name in ("new", "third"):
        bundler("delta", "old", name, "-q", "-o", f"{name}.delta", cwd=folder)
    bundler("delta", "old", "new", "-q", "--best", "-o", "best.delta", cwd=folder)
    return folder


@pytest.fixture
def shop() -> Iterator[Shop]:
    with faulty_registry() as served:
        yield Shop(served)


@pytest.fixture
def pull(shop: Shop, made: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Pulls to `web.tar.zst` in an empty folder; gives the exit code, and what was said."""
    folder = tmp_path / "here"
    folder.mkdir()

    def pulled(*words: str, name: str = ":1", output: str = "web.tar.zst") -> tuple[int, str]:
        store = ("--store", str(tmp_path / "store"))
        done = call_bundler("pull", f"{shop.name}{name}", "-o", folder / output, *PLAIN, *store, *words, cwd=made)
        assert "Traceback" not in done.stderr
        if done.returncode:
            assert names(folder) == NOTHING
        return done.returncode, done.stderr

    return pulled


def there(tmp_path: Path) -> bytes:
    return (tmp_path / "here/web.tar.zst").read_bytes()


Pulled = Callable[..., tuple[int, str]]
NEW = "new.tar.zst"


def put_other_manifest(shop: Shop, pack: bytes) -> str:
    """What is named by its digest is another packed bundle."""
    right = sha256(encoded(artifact(PUSHED_BUNDLE, b"right", ZSTD)))
    shop.served.documents[f"shop/web/manifests/{right}"] = (OCI_MANIFEST, shop.put_pack(pack))
    return f"@{right}"


def with_fault(fault: object) -> Callable[[Shop, bytes], str]:
    def put(shop: Shop, pack: bytes) -> str:
        shop.put_pack(pack)
        shop.served.faults[sha256(pack)] = fault  # type: ignore[assignment]
        return ":1"

    return put


def with_manifest(**more: Any) -> Callable[[Shop, bytes], str]:
    def put(shop: Shop, pack: bytes) -> str:
        shop.put_pack(pack, **more)
        return ":1"

    return put


def with_size(change: int) -> Callable[[Shop, bytes], str]:
    def put(shop: Shop, pack: bytes) -> str:
        layer = described(shop.put_file(pack), ZSTD) | {"size": len(pack) + change}
        shop.put_pack(pack, layers=[layer])
        return ":1"

    return put


def put_document(document: object, media_type: str = OCI_MANIFEST) -> Callable[[Shop, bytes], str]:
    def put(shop: Shop, _pack: bytes) -> str:
        shop.put(document, "1", media_type=media_type)
        return ":1"

    return put


def put_image(shop: Shop, _pack: bytes) -> str:
    manifest, _ = manifest_of(sample(), docker=False)
    shop.put(manifest, "1")
    return ":1"


def put_damaged(shop: Shop, pack: bytes) -> str:
    """The registry's own bytes, all of whose digests are right."""
    shop.put_pack(pack[: len(pack) // 2])
    return ":1"


LAYER = described(b"x", ZSTD)
# What the registry does, the exit code, and words of what is said.
LIES: dict[str, tuple[Callable[[Shop, bytes], str], int, str]] = {
    "another manifest than the digest names": (put_other_manifest, 3, "gave sha256:|digest"),
    "other bytes": (with_fault(swap), 3, "not what its digest names"),
    "half of the bytes, as if they were all": (
        with_fault(lambda handler, content: answer(handler, 200, "x", content[:9])),
        3,
        "digest names",
    ),
    "half of the bytes": (with_fault(cut), 5, "broke off"),
    "bytes without an end": (with_fault(Endless()), 3, "more than"),
    "no bytes": (with_fault(refuse(404)), 3, "lacks a part"),
    "a smaller size": (with_size(-10), 3, "gave no layer"),
    "a larger size": (with_size(10), 3, "gave no layer|stated"),
    "a size without an end": (with_size(1 << 60), 3, "already as they are stored"),
    "no size": (with_manifest(layers=[LAYER | {"size": 0}]), 3, "one file"),
    "two files": (with_manifest(layers=[LAYER, LAYER]), 3, "one file"),
    "no file": (with_manifest(layers=[]), 3, "one file"),
    "no list of files": (with_manifest(layers=None), 3, "layers: missing"),
    "a config of its own": (with_manifest(config=described(b"{ }", "application/json")), 3, "not the empty config"),
    "a type that is to come": (with_manifest(layers=[LAYER | {"mediaType": f"{ZSTD}2"}]), 3, "newer bundler"),
    "a type of something else": (with_manifest(layers=[LAYER | {"mediaType": "text/html"}]), 3, "text/html"),
    "an artifact of another kind": (with_manifest(artifactType="application/x.chart"), 3, "x.chart, not a packed"),
    "an artifact with escapes": (with_manifest(artifactType="\x1b[31m"), 3, r"\\x1b\[31m"),
    "a signature": (with_manifest(artifactType=PUSHED_SIGNATURE), 3, "signature.v1, not a packed"),
    "a type that is no text": (with_manifest(artifactType=[1]), 3, "not a packed bundle"),
    "an image": (put_image, 3, "is a container image, not a packed bundle"),
    "an index": (
        put_document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}, OCI_INDEX),
        3,
        "is a container image",
    ),
    "nothing that makes sense": (put_document(b"[" * 100_000), 3, "JSON|nested|manifest"),
    "a manifest without an end": (
        put_document(b'{"a": "' + b"x" * (8 << 20) + b'"}'),
        3,
        "more than the image states|may have",
    ),
    "both an index and a manifest": (with_manifest(manifests=[]), 3, "both|is a container image|claims"),
    "a damaged pack": (put_damaged, 3, ""),
}


@pytest.mark.parametrize("lie", LIES)
def test_nothing_appears(shop: Shop, pull: Pulled, made: Path, lie: str) -> None:
    put, code, words = LIES[lie]
    name = put(shop, (made / NEW).read_bytes())
    output = "web" if lie == "a damaged pack" else "web.tar.zst"
    ended, said = pull(name=name, output=output)
    assert ended == code, said
    assert re.search(words, said), said


@pytest.mark.parametrize("title", ["../../x", "/etc/passwd", "", "a\0b", "x" * 5000, "web.tar.zst\n", "\x1b[31m"])
def test_a_title_becomes_no_path(shop: Shop, pull: Pulled, made: Path, tmp_path: Path, title: str) -> None:
    pack = (made / NEW).read_bytes()
    shop.put_pack(pack, title=title)
    ended, said = pull()
    if ended:
        assert (ended, "NUL" in said) == (3, True)
    else:
        assert there(tmp_path) == pack
    assert names(tmp_path) == ["here", "store"] if not ended else ["here"]


def signed(made: Path, name: str = "new") -> bytes:
    return (made / f"{name}.tar.zst.minisig").read_bytes()


def test_what_is_right_is_pulled(shop: Shop, pull: Pulled, made: Path, tmp_path: Path) -> None:
    subject = shop.put_pack((made / NEW).read_bytes())
    shop.list_referrers(subject, shop.attach(subject, PUSHED_SIGNATURE, signed(made)))
    assert pull("--key", "web.pub")[0] == 0
    assert names(tmp_path / "here") == ["web.tar.zst", "web.tar.zst.minisig"]
    assert there(tmp_path) == (made / NEW).read_bytes()


SIGNATURES: dict[str, tuple[str | bytes, dict[str, Any], int, str]] = {
    "of another key": ("strange", {}, 6, "none of the 1 signatures"),
    "over another file": ("third", {}, 6, "none of the 1 signatures"),
    "that is none": (b"x", {}, 6, "none of the 1 signatures"),
    "that is large": (b"x" * 100_000, {}, 3, "no signature is as large"),
    "for another subject": ("new", {"subject": described(b"{}", OCI_MANIFEST)}, 6, "has no signature"),
    "for no subject": ("new", {"subject": None}, 6, "has no signature"),
    "of another type": ("new", {"artifactType": PUSHED_DELTA}, 6, "has no signature"),
    "of no type": ("new", {"artifactType": None}, 6, "has no signature"),
}


@pytest.mark.parametrize("which", SIGNATURES)
def test_a_signature_that_is_not_the_keys_is_none(shop: Shop, pull: Pulled, made: Path, which: str) -> None:
    content, more, code, words = SIGNATURES[which]
    subject = shop.put_pack((made / NEW).read_bytes())
    signature = content if isinstance(content, bytes) else signed(made, content)
    shop.list_referrers(subject, shop.attach(subject, PUSHED_SIGNATURE, signature, **more))
    ended, said = pull("--key", "web.pub")
    assert (ended, words in said) == (code, True), said


def test_another_bundle_with_the_signature_of_the_right_one(shop: Shop, pull: Pulled, made: Path) -> None:
    subject = shop.put_pack((made / "third.tar.zst").read_bytes())
    shop.list_referrers(subject, shop.attach(subject, PUSHED_SIGNATURE, signed(made)))
    assert pull("--key", "web.pub")[0] == 6
    assert pull("--key", "web.pub", output="web")[0] == 6


INDEXES: dict[str, Callable[[bytes], bytes]] = {
    "a manifest": lambda subject: subject,
    "no JSON": lambda _subject: b"{",
    "no list": lambda _subject: encoded({"schemaVersion": 2, "manifests": 5}),
    "bytes without an end": lambda _subject: b"x" * (8 << 20),
    "a digest that is none": lambda _subject: encoded(
        {"schemaVersion": 2, "manifests": [described(b"", OCI_MANIFEST) | {"digest": "../../x"}]}
    ),
    "a manifest that is not there": lambda _subject: encoded(
        {"schemaVersion": 2, "manifests": [described(b"gone", OCI_MANIFEST)]}
    ),
}


@pytest.mark.parametrize("what", INDEXES)
def test_a_list_of_what_refers_to_it_that_is_none(shop: Shop, pull: Pulled, made: Path, what: str) -> None:
    subject = shop.put_pack((made / NEW).read_bytes())
    shop.put(INDEXES[what](subject), sha256(subject).replace(":", "-"), media_type=OCI_INDEX)
    assert pull("--key", "web.pub")[0] == 3


def test_of_a_list_without_an_end_a_hundred_are_asked_for(shop: Shop, pull: Pulled, made: Path) -> None:
    subject = shop.put_pack((made / NEW).read_bytes())
    liars = [shop.put(artifact("application/x", EMPTY, number=number)) for number in range(5000)]
    shop.list_referrers(subject, *liars)
    before = len(shop.served.paths)
    ended, said = pull("--key", "web.pub")
    assert (ended, "has no signature" in said) == (6, True), said
    assert len([path for path in shop.served.paths[before:] if "manifests/sha256:" in path]) <= 100


def of_another_gzip(made: Path) -> bytes:
    """A delta that was made with `--best` on a machine whose gzip writes other bytes."""
    whole = (made / "best.delta").read_bytes()
    (length,) = LENGTH.unpack(whole[len(MAGIC) : len(MAGIC) + LENGTH.size])
    document = json.loads(whole[len(MAGIC) + LENGTH.size :][:length])
    return written(encoded(document | {"gzip": "0" * 64}))


DELTAS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "damaged": (lambda made: (made / "new.delta").read_bytes()[:-9], "not those that were written"),
    "that makes another bundle": (lambda made: (made / "third.delta").read_bytes(), "makes another file here"),
    "of another gzip": (of_another_gzip, "gzip makes other bytes here"),
    "that is none": (lambda _made: b"x" * 50, "is no delta|not those"),
}


@pytest.mark.parametrize("which", DELTAS)
def test_a_delta_that_is_not_right_is_not_used(
    shop: Shop, pull: Pulled, made: Path, tmp_path: Path, which: str
) -> None:
    make, words = DELTAS[which]
    subject = shop.put_pack((made / NEW).read_bytes())
    base = {"oci-bundler.base": sha256((made / "old/bundler.json").read_bytes())}
    delta = shop.attach(subject, PUSHED_DELTA, make(made), annotations=base)
    shop.list_referrers(subject, delta)
    ended, said = pull("--from", "old")
    assert ended == 0, said
    assert re.search(rf"({words}).*the whole is fetched", said), said
    assert there(tmp_path) == (made / NEW).read_bytes()


def test_what_has_come_whole_is_not_fetched_again(shop: Shop, pull: Pulled, made: Path, tmp_path: Path) -> None:
    pack = (made / NEW).read_bytes()
    subject = shop.put_pack(pack)
    shop.list_referrers(subject, shop.attach(subject, PUSHED_SIGNATURE, signed(made)))
    shop.served.faults[sha256(pack)] = times(1, cut)
    assert pull("--key", "web.pub")[0] == 5
    assert pull("--key", "web.pub")[0] == 0
    assert shop.served.asked.count(sha256(signed(made))) == 1
    assert shop.served.asked.count(sha256(pack)) >= 2  # skopeo since 1.10 asks once more for what was cut off
    assert [path for path in (tmp_path / "store/blobs").rglob("*") if path.is_file()] == []


def test_an_image_of_the_store_stays_though_a_manifest_names_its_layer(
    shop: Shop, made: Path, tmp_path: Path, pull: Pulled
) -> None:
    """What leaves the store after a pull is only what no image needs."""
    layers = shop.served.add("other/image:1", sample())
    bundler("fetch", f"docker://{shop.served.host}/other/image:1", *PLAIN, "--store", tmp_path / "store", "-q")
    layer = shop.served.blobs[layers[0]]
    shop.put_pack(layer)
    assert pull()[0] == 0
    assert (tmp_path / f"store/blobs/sha256/{layers[0][7:]}").is_file()
