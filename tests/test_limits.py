from pathlib import Path

import pytest

from bundler.limits import DEFAULTS, NAMES, Limits, meanings


def test_no_honest_image_meets_the_defaults() -> None:
    machine_learning = Limits(unpacked_size=120 << 30, entries=3_000_000, pax_size=200_000, document_size=400_000)
    assert all(getattr(DEFAULTS, key) >= getattr(machine_learning, key) for key in NAMES.values())


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("entries=5", Limits(entries=5)),
        ("unpacked-size=2t", Limits(unpacked_size=2 << 40)),
        ("pax-size=64K", Limits(pax_size=64 << 10)),
        ("document-size=1m", Limits(document_size=1 << 20)),
        ("path-length=0", Limits(path_length=0)),
        ("compression-ratio=3g", Limits(compression_ratio=3 << 30)),
    ],
)
def test_one_limit_is_changed(setting: str, expected: Limits) -> None:
    assert DEFAULTS.changed((setting,)) == expected


def test_the_last_setting_of_a_limit_counts() -> None:
    assert DEFAULTS.changed(("entries=1", "path-length=9", "entries=2")) == Limits(entries=2, path_length=9)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("entries", "'' is not a whole number"),
        ("entries=", "'' is not a whole number"),
        ("entries=-1", "'-1' is not a whole number"),
        ("entries=1.5", "is not a whole number"),
        ("entries=many\x1b", "is not a whole number"),
        ("entries=" + "9" * 5000, "is not a whole number"),
        ("entries=\u0661", "is not a whole number"),
        ("size=1", "there is no limit 'size'"),
        ("unpacked_size=1", "there is no limit 'unpacked_size'"),
    ],
)
def test_what_is_no_limit_is_refused(setting: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"limit|number") as raised:
        DEFAULTS.changed((setting,))
    assert says in str(raised.value)
    assert str(raised.value).isprintable()


def test_every_limit_says_what_it_counts() -> None:
    assert [name for name, _, meaning in meanings() if not meaning] == []


def test_the_manual_has_every_limit() -> None:
    manual = (Path(__file__).parents[1] / "docs/troubleshooting.md").read_text()
    assert [name for name, _, meaning in meanings() if f"| `{name}` |" not in manual or meaning not in manual] == []
