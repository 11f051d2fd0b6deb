"""A review as one page of HTML that needs nothing else: no network, no script, no font, no picture."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

from bundler import __version__, data
from bundler.approval.markup import Markup, element, joined, verbatim
from bundler.approval.review import Comparison, Review, Row, Section, Verdict, sentence, setters

_WORDS: Final[Mapping[Verdict, str]] = {
    "looser": "looser",
    "tighter": "tighter",
    "neutral": "differs",
    "same": "the same",
}
_MOST: Final = 8  # rows of a section that stand on top as well


def page(review: Review) -> bytes:
    """The whole document, in UTF-8. The same review gives the same bytes."""
    style = data.read("review.css").decode()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Review of {review.name}"),
        element("style", verbatim(style)),
    )
    body = element(
        "body",
        element("a", "To the verdict of each subject", href="#glance", class_="skip"),
        _header(review),
        _glance(review),
        element("main", *_main(review)),
        _footer(review),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n".encode()


def _policy(style: str) -> str:
    """Nothing may be loaded, run or sent, and no other style than this one counts (CSP level 3)."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _header(review: Review) -> Markup:
    counts = review.counts
    verdict = "looser" if counts["looser"] else "tighter" if counts["tighter"] else "same"
    summary = [element("p", sentence(counts, f"Docker's default ({review.profile})"), class_=f"verdict {verdict}")]
    if review.against is not None:
        other = review.against.counts
        against = "looser" if other["looser"] else "tighter" if other["tighter"] else "same"
        summary.append(element("p", sentence(other, review.against.name), class_=f"verdict {against}"))
    warnings = [element("li", warning) for warning in review.warnings]
    alert = [element("ul", *warnings, class_="warnings", aria_label="Warnings")] if warnings else []
    subject = next((row.value for row in review.facts.rows if row.what == "image"), "")
    image = [element("p", "Image ", element("code", subject), class_="image")] if subject else []
    return element(
        "header",
        element("p", "Review of a container", class_="kind"),
        element("h1", review.name),
        *image,
        *summary,
        *alert,
    )


def _glance(review: Review) -> Markup:
    tiles = [
        element(
            "li",
            element(
                "a",
                element("strong", section.title),
                element("span", section.gist),
                _pill(section.verdict) if section.verdict != "same" else "",
                href=f"#{section.name}",
                class_=section.verdict,
            ),
        )
        for section in review.sections
    ]
    return element("nav", element("h2", "At a glance", id="glance"), element("ul", *tiles), aria_labelledby="glance")


def _main(review: Review) -> Iterator[Markup]:
    yield from _looser(review)
    for section in review.sections:
        yield _section(section, section.name, "Docker's default")
    if review.against is not None:
        yield _against(review.against)
    yield _facts(review.facts)


def _looser(review: Review) -> Iterator[Markup]:
    """What an approver has to decide about, first and once more."""
    items = [item for section in review.sections for item in _looser_of(section)]
    if items:
        title = element("h2", "What is looser than Docker's default", id="looser")
        yield element("section", title, element("ul", *items, class_="looser"), aria_labelledby="looser")


def _looser_of(section: Section) -> Iterator[Markup]:
    """The first rows of a section, and a link to the others."""
    rows = [row for row in section.rows if row.verdict == "looser"]
    link = element("a", section.title, href=f"#{section.name}")
    for row in rows[:_MOST]:
        what = element("p", element("strong", row.what), " ", element("span", row.value))
        yield element("li", what, element("p", link, f": {_why(row)}", class_="why"))
    if len(rows) > _MOST:
        yield element("li", element("p", f"{len(rows) - _MOST} more in ", link))


def _why(row: Row) -> str:
    return "; ".join((*row.reasons, *([row.note] if row.note else [])))


def _against(comparison: Comparison) -> Markup:
    title = element("h2", f"Beside {comparison.name}", id="against")
    gist = element("p", sentence(comparison.counts, comparison.name), class_="gist")
    parts = [
        part
        for section in comparison.sections
        for name in [f"against-{section.name}"]
        for part in (element("h3", section.title, id=name), _table(section, comparison.name, name))
    ]
    return element("section", title, gist, *parts, aria_labelledby="against")


def _section(section: Section, name: str, baseline: str) -> Markup:
    content = [element("h2", section.title, id=name), element("p", section.gist, class_="gist")]
    if section.rows:
        content.append(_table(section, baseline, name))
    return element("section", *content, aria_labelledby=name)


def _table(section: Section, baseline: str, name: str) -> Markup:
    """The roles say what the elements are also where a narrow screen shows them below each other."""
    compared = any(row.baseline or row.verdict != "same" for row in section.rows)
    explained = any(row.set_by for row in section.rows)
    headers = ["What", "This bundle", *([baseline] if compared else []), *(["Set by"] if explained else [])]
    head = element(
        "thead",
        element("tr", *(element("th", each, scope="col", role="columnheader") for each in headers), role="row"),
        role="rowgroup",
    )
    rows = (_row(row, baseline, compared=compared, explained=explained) for row in section.rows)
    body = element("tbody", *rows, role="rowgroup")
    return element("table", head, body, role="table", aria_labelledby=name, class_=f"of{len(headers)}")


def _row(row: Row, baseline: str, *, compared: bool, explained: bool) -> Markup:
    note = [element("small", row.note)] if row.note else []
    cells = [
        element("th", element("span", row.what, class_="what"), *note, scope="row", role="rowheader"),
        _cell("This bundle", element("span", row.value), _judged(row)),
    ]
    if compared:
        cells.append(_cell(baseline, element("span", row.baseline) if row.baseline else "", kind="baseline"))
    if explained:
        cells.append(_cell("Set by", *_set_by(row)))
    return element("tr", *cells, role="row", class_=row.verdict)


def _cell(label: str, *content: str, kind: str = "") -> Markup:
    """On a narrow screen, where columns have no heads, the cell says itself what it is."""
    if not any(content):
        return element("td", role="cell", class_="empty")
    named = element("span", label, class_="label", aria_hidden="true")
    return element("td", named, *content, role="cell", class_=kind)


def _judged(row: Row) -> Markup:
    if row.verdict == "same":
        return Markup("")
    return joined(" ", _pill(row.verdict), *([" ", element("small", "; ".join(row.reasons))] if row.reasons else []))


def _pill(verdict: Verdict) -> Markup:
    return element("b", _WORDS[verdict], class_="pill")


def _set_by(row: Row) -> list[Markup]:
    return [element("span", origin, class_="origin") for origin in setters(row.set_by)]


def _facts(facts: Section) -> Markup:
    return _section(facts, facts.name, "")


def _footer(review: Review) -> Markup:
    """On paper, there is room to sign."""
    lines = [element("p", label, class_="sign") for label in ("Approved by", "Date", "Remarks")]
    told = f"Written by bundler {__version__}. Who set a value: profile, image, or file:line:column of overrides."
    where = f"bundler verify {review.name} compares every file with the digests above."
    return element("footer", element("p", told), element("p", where), element("div", *lines, class_="approval"))
