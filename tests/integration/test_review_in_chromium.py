"""The page of a review in a browser: nothing is loaded or complained of, all can be read at any width, and printed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.approval.page import page
from tests.support.chromium import PROGRAM, Chromium, chromium, open_page
from tests.support.command import bundler
from tests.support.hostile_names import HOSTILE
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.reviews import review_of
from tests.support.small_services import small_archive
from tests.support.tarballs import file, tarball

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.tool(PROGRAM)]

WIDTHS = (320, 360, 768, 1280)
LEAST_CONTRAST = 4.5  # WCAG 2, level AA, for text of any size
OVERRIDES = {
    "plain": "{}\n",
    "hardened": "{read_only: true, cap_drop: [ALL], no_new_privileges: true, mem_limit: 256m, tmpfs: [/run]}\n",
    "bridged": "{network_mode: bridge, ports: ['8080:80'], sysctls: {net.core.somaxconn: 1024}}\n",
    "privileged": "{privileged: true, network_mode: host, pid: host, volumes: ['/:/host', 'data:/data']}\n",
}
PAGES = [*(f"nginx {name}" for name in OVERRIDES), "redis", "hardened against privileged", "20,000 files", *HOSTILE]


@pytest.fixture(scope="module")
def pages(debian: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of services, of a large rootfs and of names that would do harm."""
    folder = tmp_path_factory.mktemp("pages")
    archive = small_archive(debian, cache)
    for name, text in OVERRIDES.items():
        (folder / f"{name}.yaml").write_text(text)
        bundler("build", f"{archive}:nginx:1.27", "--overrides", folder / f"{name}.yaml", "-o", folder / name)
        bundler("explain", folder / name, "--html", folder / f"nginx {name}.html")
    bundler("build", f"{archive}:redis:7", "-o", folder / "redis")
    bundler("explain", folder / "redis", "--html", folder / "redis.html")
    against = folder / "hardened against privileged.html"
    bundler("explain", folder / "hardened", "--against", folder / "privileged", "--html", against)
    members = [file(f"f{number}", b"", mode=0o4755 if number % 50 == 0 else 0o644) for number in range(20_000)]
    write_archive(folder / "large.tar", layout_files({"1": sample(tarball(*members))}))
    bundler("build", folder / "large.tar", "-o", folder / "large")
    bundler("explain", folder / "large", "--html", folder / "20,000 files.html")
    for name, hostile in HOSTILE.items():
        (folder / f"{name}.html").write_bytes(page(review_of(hostile)))
    return {name: folder / f"{name}.html" for name in PAGES}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_screen_and_asks_for_nothing(name: str, pages: dict[str, Path], browser: Chromium) -> None:
    for width in WIDTHS:
        shown = open_page(browser, pages[name], width=width)
        assert shown.too_wide() == {"scrolls": False, "wide": []}
        assert shown.complaints == []
        assert shown.requests == [pages[name].as_uri()]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["nginx privileged", "hardened against privileged"])
def test_all_texts_can_be_read_in_both_schemes(
    name: str, pages: dict[str, Path], browser: Chromium, *, dark: bool
) -> None:
    contrasts = open_page(browser, pages[name], width=1280, dark=dark).contrasts()
    assert len(contrasts) > 10
    assert {what: ratio for what, ratio in contrasts.items() if ratio < LEAST_CONTRAST} == {}


def test_dark_is_not_light(pages: dict[str, Path], browser: Chromium) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (open_page(browser, pages["redis"], width=1280, dark=dark).evaluate(ground) for dark in (False, True))
    assert light != dark


def test_a_reader_of_the_screen_finds_tables_at_every_width(pages: dict[str, Path], browser: Chromium) -> None:
    roles = {width: open_page(browser, pages["nginx privileged"], width=width).roles() for width in (360, 1280)}
    for kind in ("table", "rowheader", "columnheader", "heading", "navigation", "main"):
        assert roles[360].count(kind) == roles[1280].count(kind) > 0


@pytest.mark.parametrize("name", ["nginx hardened", "nginx privileged", "20,000 files"])
def test_a_page_is_printed_on_a4(name: str, pages: dict[str, Path], browser: Chromium) -> None:
    printed = open_page(browser, pages[name], width=1280).pdf()
    assert printed.startswith(b"%PDF-")
    boxes = {tuple(map(round, map(float, box.split()))) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", printed)}
    assert boxes == {(0, 0, 595, 842)}


def test_the_policy_keeps_scripts_and_styles_away(pages: dict[str, Path], browser: Chromium) -> None:
    shown = open_page(browser, pages["redis"], width=1280)
    shown.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=x style=\"color: red\"><img src=file:///x>')")
    assert shown.evaluate("getComputedStyle(x).color === getComputedStyle(document.body).color")
    assert (
        shown.evaluate("const s = document.createElement('script'); s.text = 'ran = 1'; document.body.append(s)")
        is None
    )
    assert shown.evaluate("typeof ran") == "undefined"
    assert shown.refusals() == ["csp"]
    assert len(shown.complaints) >= 2


def test_what_the_browser_would_complain_of_is_seen(browser: Chromium, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<body><img src=none.png><pre>" + "x" * 5000 + "</pre><script>x()</script>")
    shown = open_page(browser, tmp_path / "bad.html", width=360)
    assert shown.too_wide()["scrolls"]
    assert shown.complaints
    assert len(shown.requests) == 2


def test_the_page_and_the_text_say_the_same(pages: dict[str, Path], browser: Chromium) -> None:
    folder = pages["redis"].parent
    reviewed = json.loads(bundler("review", folder / "redis", "--json"))
    there = open_page(browser, pages["redis"], width=1280).evaluate("document.body.innerText")
    said = [row["value"] for section in reviewed["sections"] for row in section["rows"]]
    assert [value for value in said if value not in there] == []
