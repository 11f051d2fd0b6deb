"""The page: well-formed, the same each time, and nothing that an image says is more than text on it."""

import base64
import hashlib
import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bundler import data
from bundler.approval.markup import element, text, verbatim
from bundler.approval.page import page
from bundler.errors import printable
from tests.support.hostile_names import HOSTILE
from tests.support.reviews import review_of

# All that a page is made of.
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "footer", "div", "a"),
    *("h1", "h2", "h3", "p", "ul", "li", "strong", "span", "b", "small", "code"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "http-equiv", "href", "id", "class", "scope", "role"),
    *("aria-label", "aria-labelledby", "aria-hidden"),
}
EMPTY = {"meta"}


class Outline(HTMLParser):
    """What a reader of HTML finds: elements that are closed in order, their attributes, and the text between them."""

    def __init__(self, document: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.feed(document.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


@cache
def outline(hostile: str) -> Outline:
    found = Outline(page(review_of(hostile)))
    assert found.open == []
    return found


@given(st.text(min_size=1) | st.text("<>&\"'/!-= \0\n\u202e\udcffax", min_size=1))
@example(HOSTILE["the end of a style"])
def test_whatever_an_image_says_is_text(hostile: str) -> None:
    found = outline(hostile)
    harmless = outline("harmless")
    assert found.elements == harmless.elements
    assert [name for name, _ in found.attributes] == [name for name, _ in harmless.attributes]
    assert found.others == harmless.others == []
    assert printable(hostile) in found.texts


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_changes_nothing_but_text(hostile: str) -> None:
    document = page(review_of(hostile)).decode()
    assert Outline(document.encode()).elements == outline("harmless").elements
    assert [char for char in document if not char.isprintable() and char != "\n"] == []


def test_only_known_elements_and_attributes_are_used() -> None:
    found = outline("x")
    assert {*found.elements} <= ELEMENTS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES


def test_every_link_leads_to_a_place_of_the_page() -> None:
    found = outline("x")
    places = [value for name, value in found.attributes if name == "id"]
    assert len(places) == len({*places})
    links = {value for name, value in found.attributes if name == "href"}
    named = {value for name, value in found.attributes if name == "aria-labelledby"}
    assert links | {f"#{each}" for each in named} <= {f"#{place}" for place in places}


def test_the_policy_allows_this_stylesheet_and_nothing_else() -> None:
    style = data.read("review.css")
    document = page(review_of("x"))
    assert b"<style>" + style + b"</style>" in document
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy) in outline("x").attributes


def test_the_stylesheet_loads_nothing() -> None:
    style = data.read("review.css").decode()
    assert re.findall(r"url\(|@import|@font-face|expression|javascript", style) == []


def test_headings_are_in_order_and_cells_are_named() -> None:
    document = page(review_of("x")).decode()
    levels = [int(level) for level in re.findall(r"<h([1-6])", document)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert re.findall(r"<th(?![a-z])(?! scope=\"(?:row|col)\")", document) == []


def test_the_same_review_gives_the_same_bytes() -> None:
    assert page(review_of("x")) == page(review_of("x"))


def test_what_is_no_markup_is_escaped_where_it_enters() -> None:
    assert element("a", "<b>", element("b", "&"), href='"') == '<a href="&quot;">&lt;b&gt;<b>&amp;</b></a>'
    assert text("\u202e\0") == "\\u202e\\x00"


def test_a_stylesheet_cannot_end_its_element() -> None:
    with pytest.raises(ValueError, match="no <"):
        verbatim("</style>")
