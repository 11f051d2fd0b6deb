"""Lines of several containers behind their names."""

from bundler.foreground.lines import Lines, prefixes


def test_names_are_of_one_width_and_coloured_on_a_terminal() -> None:
    assert prefixes(["db", "web-1"], colours=False) == {"db": b"db    | ", "web-1": b"web-1 | "}
    assert prefixes(["db", "web"], colours=True) == {
        "db": b"\x1b[36mdb  | \x1b[0m",
        "web": b"\x1b[33mweb | \x1b[0m",
    }
    many = prefixes([f"s{number}" for number in range(12)], colours=True)
    assert many["s0"][:5] == many["s10"][:5]


def test_a_line_is_printed_when_it_is_whole() -> None:
    lines = Lines(b"web | ")
    assert lines.add(b"one\ntw") == b"web | one\n"
    assert lines.add(b"o\n\n") == b"web | two\nweb | \n"
    assert lines.end() == b""


def test_what_comes_last_needs_no_end() -> None:
    lines = Lines(b"> ")
    assert lines.add(b"no end") == b""
    assert lines.end() == b"> no end\n"
    assert lines.end() == b""


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    lines = Lines(b">")
    printed = b"".join(lines.add(b"x" * 50_000) for _ in range(100)) + lines.end()
    assert printed.count(b"x") == 5_000_000
    assert max(map(len, printed.split(b"\n"))) <= (1 << 16) + 1


def test_bytes_are_those_of_the_container() -> None:
    assert Lines(b"").add(b"\xff\x00\r\n") == b"\xff\x00\r\n"
