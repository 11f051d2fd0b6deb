"""Layers that readers of tar disagree about, generated: every kind of header, number, extension, size and map.

Each case is one layer, by a name that says what it is. Behind what a case is about there is always a file `after`, so
that a reader who took another size has another tree. Contents look like headers for the same reason.
"""

from collections.abc import Iterator
from itertools import permutations, product
from typing import Final

from tests.support.tarballs import (
    END,
    Member,
    directory,
    extension,
    file,
    hard_link,
    header,
    octal,
    padded,
    pax_header,
    pax_record,
    symlink,
    with_checksum,
)

HIDDEN: Final = header("hidden")  # 512 bytes, a file to whoever reads them as a header
Case = tuple[str, bytes]

KINDS: Final = {
    "file": b"0",
    "v7 file": b"\0",
    "hard link": b"1",
    "symlink": b"2",
    "device": b"3",
    "block device": b"4",
    "directory": b"5",
    "fifo": b"6",
    "contiguous file": b"7",
    "dump directory": b"D",
    "volume label": b"V",
    "multi-volume": b"M",
    "old sparse file": b"S",
    "vendor": b"Z",
}
DIALECTS: Final = {
    "posix": b"ustar\x0000",
    "posix with GNU's version": b"ustar\0 \0",
    "posix without version": b"ustar\0\0\0",
    "posix with any version": b"ustar\0xy",
    "GNU": b"ustar  \0",
    "GNU with another version": b"ustar 00",
    "v7": b"",
    "no magic": b"USTAR\x0000",
}
PREFIXES: Final = {
    "a path": b"some/dir",
    "digits": b"00000000017",
    "two times": b"00000000017\x0000000000017",
    "a path after a NUL": b"\0some/dir",
    "a letter beyond ASCII": b"some/d\xc3\xa9r",
    "a long path": b"p" * 154 + b"q",
    "base 256": b"\x80" + bytes(10) + b"\x01",
    "a second time that is none": b"00000000017\0some/dir",
    "a slash": b"/",
}


def kinds() -> Iterator[Case]:
    for (kind, flag), (dialect, magic), size in product(KINDS.items(), DIALECTS.items(), (0, 512)):
        fields = {"link_name": b"target" if flag in b"12" else b"", "major": octal(1, 8), "minor": octal(3, 8)}
        block = header("f", flag, size=size, magic=magic, **fields)
        for content, word in ((HIDDEN * (size // 512), "stored"), (b"", "not stored")):
            if word == "stored" or size:
                yield f"kind: {kind}, {dialect}, size {size}, {word}", bytes(file("target", b"t")) + block + content


def prefixes() -> Iterator[Case]:
    for (dialect, magic), (what, prefix), star in product(DIALECTS.items(), PREFIXES.items(), (False, True)):
        tail = {"tail": octal(7, 12) * 2 + bytes(8) + b"tar\0"} if star else {}
        block = header("f", magic=magic, prefix=prefix, **tail)
        yield f"prefix: {what}, {dialect}{', star' if star else ''}", block
    yield "prefix: star with a time that is none", header("f", prefix=b"p", tail=b"x" * 12 + bytes(20) + b"tar\0")
    yield "prefix: star with a time after a NUL", header("f", prefix=b"p", tail=b"\0x" + bytes(30) + b"tar\0")


def names() -> Iterator[Case]:
    for (kind, flag), size in product({"file": b"0", "v7 file": b"\0", "directory": b"5"}.items(), (0, 512)):
        content = HIDDEN * (size // 512)
        for stored in {content, b""}:
            what = f"{kind}, size {size}, {'stored' if stored else 'not stored'}"
            yield f"name: a slash behind it, {what}", header("d/", flag, size=size) + stored
            yield (
                f"name: a long one with a slash behind it, {what}",
                (extension(b"L", b"d/\0") + header("x", flag, size=size) + stored),
            )
            yield (
                f"name: a PAX path with a slash behind it, {what}",
                (pax_header({"path": "d/"}) + header("x", flag, size=size) + stored),
            )
            yield (
                f"name: a PAX path without one, {what}",
                (pax_header({"path": "d"}) + header("x/", flag, size=size) + stored),
            )
            yield f"name: twice, {what}", bytes(file("d", b"x")) + header("d", flag, size=size) + stored


PAX_SIZES: Final = {
    "none": None,
    "empty": "",
    "0": "0",
    "512": "512",
    "zeros before it": "000512",
    "very many zeros before it": "0" * 40 + "512",
    "a plus": "+512",
    "a minus": "-512",
    "a minus and zero": "-0",
    "hexadecimal": "0x200",
    "an underscore": "5_12",
    "a space": " 512",
    "a fraction": "512.0",
    "beyond 64 bits": str((1 << 64) + 512),
}


def sizes() -> Iterator[Case]:
    kinds = {"file": b"0", "v7 file": b"\0", "directory": b"5", "symlink": b"2", "hard link": b"1", "fifo": b"6"}
    for (kind, flag), in_header, (what, in_pax) in product(kinds.items(), (0, 512), PAX_SIZES.items()):
        records = {} if in_pax is None else {"size": in_pax}
        block = header("f", flag, size=in_header, link_name=b"target" if flag in b"12" else b"")
        before = bytes(file("target", b"t")) + pax_header({"comment": "x", **records})
        yield f"size: {kind}, {in_header} in the header, PAX: {what}, stored", before + block + HIDDEN
        yield f"size: {kind}, {in_header} in the header, PAX: {what}, not stored", before + block


EXTENSIONS: Final = {
    "x": pax_header({"path": "by-pax", "uid": "7", "SCHILY.xattr.user.a": "1"}),
    "x2": pax_header({"gid": "8", "mtime": "5"}),
    "xs": pax_header({"size": "512", "path": ""}),
    "g": pax_header({"path": "by-global", "uid": "9", "size": "512", "linkpath": "elsewhere"}, b"g"),
    "L": extension(b"L", b"by-long-name\0"),
    "Le": extension(b"L", b"\0"),
    "K": extension(b"K", b"by-long-link\0"),
    "V": header("label", b"V"),
}


def orders() -> Iterator[Case]:
    ends = {
        "file": header("by-header", size=512) + HIDDEN,
        "symlink": header("by-header", b"2", link_name=b"by-header-link"),
    }
    for count in (1, 2, 3):
        for chosen in permutations(EXTENSIONS, count):
            for what, end in ends.items():
                if count < 3 or what == "file":
                    yield f"order: {' '.join(chosen)}, {what}", b"".join(EXTENSIONS[key] for key in chosen) + end


NUMBERS: Final = {
    "octal": b"0000007\0",
    "a space behind it": b"0000007 ",
    "spaces before it": b"     07\0",
    "NULs before it": b"\0\0\0\0\x0007\0",
    "no end": b"00000007",
    "rest behind a NUL": b"07\0junk\0",
    "a space, a NUL and a rest": b"07 \0junk",
    "a space inside": b"0 000007",
    "NULs": bytes(8),
    "spaces": b" " * 8,
    "base 256": b"\x80\0\0\0\0\0\0\x07",
    "base 256 of its highest bit alone": b"\x80" + bytes(7),
    "negative base 256": b"\xff" * 7 + b"\xfe",
    "large base 256": b"\x80\0\0\x7f\xff\xff\xff\xff",
    "larger base 256": b"\xbf" + b"\xff" * 7,
    "digits of base ten": b"0000009\0",
    "a minus": b"-000007\0",
    "a plus": b"+000007\0",
    "hexadecimal": b"0x00007\0",
    "an underscore": b"000_007\0",
    "a letter": b"junk\0\0\0\0",
    "a tab": b"\t000007\0",
}
_NUMBER_AT: Final = {"mode": 100, "uid": 108, "gid": 116, "checksum": 148, "major": 329, "minor": 337}


def numbers() -> Iterator[Case]:
    for (field, at), (what, number) in product(_NUMBER_AT.items(), NUMBERS.items()):
        if field == "checksum":
            continue
        for (kind, flag), (dialect, magic) in product(
            {"file": b"0", "device": b"3"}.items(), (*DIALECTS.items(),)[::4]
        ):
            block = header("f", flag, magic=magic)
            changed = with_checksum(block[:at] + number + block[at + 8 :])
            yield f"number: {field} of a {kind} in {dialect}: {what}", changed
    for what, number in NUMBERS.items():
        for field, at in {"size": 124, "mtime": 136}.items():
            wide = number[:1] * 4 + number if what.startswith("negative") else bytes(4) + number
            wide = number[:1] + bytes(4) + number[1:] if number[0] & 0x80 and not wide.startswith(b"\xff") else wide
            block = header("f")
            yield f"number: {field}: {what}", with_checksum(block[:at] + wide + block[at + 12 :]) + HIDDEN
    for what, flag in {"PAX": b"x", "long name": b"L", "global": b"g"}.items():
        content = pax_record("comment", "x") if flag != b"L" else b"n\0"
        block = header("e", flag, size=len(content), mode=b"junk")
        yield f"number: mode of a {what} header: a letter", block + padded(content) + bytes(file("f"))


def checksums() -> Iterator[Case]:
    name = b"\xe9t\xe9"
    block = header(name)
    counted = block[:148] + b" " * 8 + block[156:]
    unsigned = sum(counted)
    signed = unsigned - 256 * sum(byte >> 7 for byte in counted)
    for word, total in {"unsigned": unsigned, "signed": signed, "wrong": unsigned + 1}.items():
        forms = {
            "6 digits, NUL, space": b"%06o\0 " % total,
            "7 digits, NUL": b"%07o\0" % total,
            "8 digits": b"%08o" % total,
            "spaces before it": b"%7o\0" % total,
            "base 256": (total | 1 << 63).to_bytes(8, "big"),
            "rest behind a NUL": b"%o\0rub" % total,
        }
        for form, field in forms.items():
            yield f"checksum: {word}, {form}", block[:148] + field[:8].ljust(8, b"\0") + block[156:]


def _old_sparse(size: int, pairs: list[tuple[int, int]], magic: bytes = b"ustar  \0", real: int = 2048) -> bytes:
    block = bytearray(header("s", b"S", size=size, magic=magic))
    block[386 : 386 + 24 * len(pairs)] = b"".join(octal(at, 12) + octal(length, 12) for at, length in pairs)
    block[483:495] = octal(real, 12)
    return with_checksum(bytes(block)) + HIDDEN * (size // 512)


def sparse() -> Iterator[Case]:
    for what, magic in DIALECTS.items():
        yield f"sparse: old, {what}", _old_sparse(512, [(512, 512)], magic)
    yield "sparse: old, more than it stores", _old_sparse(512, [(512, 1024)])
    yield "sparse: old, less than it stores", _old_sparse(1024, [(512, 512)])
    one = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "2048", "GNU.sparse.name": "s"}
    tenth = {"GNU.sparse.size": "2048", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "512,512"}
    lines = padded(b"1\n512\n512\n") + HIDDEN
    changes: dict[str, dict[str, str | None]] = {
        "as it is to be": {},
        "size too": {"GNU.sparse.size": "4096"},
        "realsize too": {"GNU.sparse.realsize": "4096"},
        "no sizes": {"GNU.sparse.realsize": None, "GNU.sparse.size": None},
        "empty sizes": {"GNU.sparse.realsize": "", "GNU.sparse.size": ""},
        "empty name": {"GNU.sparse.name": ""},
        "another name": {"GNU.sparse.name": "other"},
        "and a path": {"path": "by-pax"},
        "major alone": {"GNU.sparse.major": "1", "GNU.sparse.minor": None},
        "version 0.0": {"GNU.sparse.major": "0", "GNU.sparse.minor": "0"},
        "version 0.1": {"GNU.sparse.major": "0", "GNU.sparse.minor": "1"},
        "version 2.0": {"GNU.sparse.major": "2", "GNU.sparse.minor": "0"},
        "version 1.1": {"GNU.sparse.major": "1", "GNU.sparse.minor": "1"},
        "empty version": {"GNU.sparse.major": "", "GNU.sparse.minor": ""},
        "no count": {"GNU.sparse.numblocks": None},
        "another count": {"GNU.sparse.numblocks": "2"},
        "a count with zeros": {"GNU.sparse.numblocks": "0001"},
        "empty map": {"GNU.sparse.map": "", "GNU.sparse.numblocks": "0"},
        "map with signs": {"GNU.sparse.map": "+512,+512"},
        "map beyond the file": {"GNU.sparse.map": "4096,512"},
        "a PAX size": {"size": "1024"},
        "a PAX size of nothing": {"size": "0"},
        "a size with zeros": {"GNU.sparse.size": "00002048"},
    }
    for (form, records, content), (what, change) in product(
        [("1.0", one, lines), ("0.1", tenth, HIDDEN)], changes.items()
    ):
        merged = {key: value for key, value in (records | change).items() if value is not None}
        for kind, flag in {"file": b"0", "v7 file": b"\0", "directory": b"5"}.items():
            if kind == "file" or not change:
                block = header("in-header", flag, size=len(content))
                yield f"sparse: {form}, {kind}, {what}", pax_header(merged) + block + content
                if kind == "file":
                    long = extension(b"L", b"long\0")
                    yield f"sparse: {form}, long name, {what}", pax_header(merged) + long + block + content
    pairs = [("GNU.sparse.size", "2048"), ("GNU.sparse.numblocks", "1")]
    zeros = {
        "as it is to be": [("GNU.sparse.offset", "512"), ("GNU.sparse.numbytes", "512")],
        "the wrong way round": [("GNU.sparse.numbytes", "512"), ("GNU.sparse.offset", "512")],
        "half a pair": [("GNU.sparse.offset", "512")],
        "a comma": [("GNU.sparse.offset", "512,512,1024"), ("GNU.sparse.numbytes", "0")],
        "a map too": [("GNU.sparse.map", "0,512"), ("GNU.sparse.offset", "512"), ("GNU.sparse.numbytes", "512")],
    }
    for what, more in zeros.items():
        yield f"sparse: 0.0, {what}", pax_header(pairs + more) + header("s", size=512) + HIDDEN
    for what, text in {
        "a map over the end": b"1\n512\n512\n" + b"\n" * 590,
        "signs in the map": b"1\n+512\n+512\n",
        "many lines": b"0001\n0512\n00512\n",
        "no number": b"\n512\n512\n",
    }.items():
        stored = len(text) if len(text) > 512 else len(padded(text)) + 512
        content = padded(text) + (HIDDEN if len(text) <= 512 else b"")
        yield f"sparse: 1.0, {what}", pax_header(one) + header("s", size=stored) + content


RECORDS: Final = {
    "one": pax_record("path", "p"),
    "zeros in its length": b"0010 path=p\n"[:0] + b"012 path=pp\n",
    "a plus in its length": b"+11 path=p\n",
    "no line end": b"9 path=pp",
    "too short": b"3 p",
    "no equals": b"7 path\n",
    "no key": b"5 =p\n",
    "no value": pax_record("path", ""),
    "a NUL in its key": pax_record("pa\0th", "p"),
    "a NUL in a path": pax_record("path", "p\0q"),
    "a NUL in a user's name": pax_record("uname", "p\0q"),
    "a NUL in a comment": pax_record("comment", "p\0q"),
    "a NUL in an attribute": pax_record("SCHILY.xattr.user.a", "p\0q"),
    "an empty attribute": pax_record("SCHILY.xattr.user.a", ""),
    "LIBARCHIVE's attribute": pax_record("LIBARCHIVE.xattr.user.a", "cA=="),
    "two of one key": pax_record("path", "p") + pax_record("path", "q"),
    "one, and the same without a value": pax_record("path", "p") + pax_record("path", ""),
    "padding of zeros": pax_record("path", "p") + bytes(20),
    "a uid with zeros": pax_record("uid", "0000000000000000000000000007"),
    "a uid with a sign": pax_record("uid", "+7"),
    "a negative uid": pax_record("uid", "-7"),
    "a uid that is none": pax_record("uid", "seven"),
    "a user's name": pax_record("uname", "daemon"),
    "a time with zeros": pax_record("mtime", "00000000000000000000000000000007.5"),
    "a time before 1970": pax_record("mtime", "-1.5"),
    "a time that is none": pax_record("mtime", "now"),
    "a change time that is none": pax_record("ctime", "now"),
    "an access time that is none": pax_record("atime", "now"),
    "a mode": pax_record("mode", "0600"),
    "a character set": pax_record("hdrcharset", "BINARY"),
    "a device": pax_record("SCHILY.devmajor", "1"),
    "a file's type": pax_record("SCHILY.filetype", "dir"),
}


def records() -> Iterator[Case]:
    for what, content in RECORDS.items():
        yield f"record: {what}", extension(b"x", content) + header("f")
        yield f"record: in a global header, {what}", extension(b"g", content) + header("f")


def globals_() -> Iterator[Case]:
    below = bytes(directory("d")) + bytes(file("d/f", b"x"))
    for what, name in {"a file": "d/f", "a directory": "d", "nothing": "d/g", "nothing in nothing": "e/f/g"}.items():
        yield f"global: the name of {what}", below + extension(b"g", pax_record("comment", "x"), name)
        yield f"global: the path of {what}", below + pax_header({"path": name}, b"g")
    for name in (".", "..", "/", "../up", "d/.wh.f", ".wh..wh..opq", ".wh..wh.plnk"):
        yield f"global: {name}", below + extension(b"g", pax_record("comment", "x"), name)


def ends() -> Iterator[Case]:
    whole = bytes(file("f", b"x"))
    yield "end: none", whole
    yield "end: one block of zeros", whole + bytes(512)
    yield "end: half a block of zeros", whole + bytes(256)
    yield "end: a block and a half of zeros", whole + bytes(768)
    yield "end: no padding", header("f", size=1) + b"x"
    yield "end: inside a file", header("f", size=600) + HIDDEN
    yield "end: a block of zeros, and a file", whole + bytes(512) + bytes(file("g"))
    yield "end: two blocks of zeros, and a file", whole + END + bytes(file("g"))
    yield "end: a PAX header", whole + EXTENSIONS["x"]
    yield "end: a long name", whole + EXTENSIONS["L"]
    yield "end: a global header", whole + EXTENSIONS["g"]
    yield "end: rubbish", whole + END + b"rubbish"


def links() -> Iterator[Case]:
    target = bytes(file("target", b"t"))
    yield "link: a hard link of a size", target + header("l", b"1", size=512, link_name=b"target") + HIDDEN
    yield "link: hard, by a long name", target + extension(b"K", b"target\0") + header("l", b"1", link_name=b"no")
    yield "link: hard, by an empty long name", target + extension(b"K", b"\0") + header("l", b"1", link_name=b"target")
    yield "link: hard, to a symlink", bytes(symlink("s", "target")) + target + bytes(hard_link("l", "s"))
    yield "link: of 100 bytes", bytes(Member(name="l", kind=b"2", link_name="t" * 100))
    yield "link: a link name of a file", header("f", link_name=b"elsewhere")


_WITH_AFTER: Final = (kinds, prefixes, names, sizes, orders, numbers, checksums, sparse, records, globals_, links)


def every() -> dict[str, bytes]:
    """The layers by name."""
    cases: dict[str, bytes] = {}
    for generate in _WITH_AFTER:
        for name, entries in generate():
            assert name not in cases, name
            cases[name] = entries + bytes(file("after", b"next")) + END
    return cases | dict(ends())
