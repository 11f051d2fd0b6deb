"""Differences for which no section has better words than those of config.json."""

from collections.abc import Iterable

from bundler.approval.review import Row, Section
from bundler.approval.subject import Subject
from bundler.compare.difference import Difference
from bundler.origins import UNSET, Json
from bundler.runtime_spec.list_identity import shown, text


def others_section(subject: Subject, sections: Iterable[Section]) -> Section:
    """What differs and is in none of `sections`, so that nothing is left out of a review."""
    told = {each.steps for section in sections for row in section.rows for each in row.differences}
    rows = tuple(plain_row(subject, each) for each in subject.differences if each.steps not in told)
    count = len(rows)
    gist = "nothing" if not count else "1 difference" if count == 1 else f"{count} differences"
    return Section(name="others", title="Everything else", gist=gist, rows=rows)


def plain_row(subject: Subject, difference: Difference, what: str = "") -> Row:
    """A row about one difference, with the values as config.json has them."""
    pointer = "".join(step for step in difference.steps if step[0] == "/")
    return Row(
        what=what or shown(difference.steps),
        value=_text(difference.after),
        baseline=_text(difference.before),
        set_by=() if difference.after is UNSET else subject.set_by(pointer),
        differences=(difference,),
    )


def _text(value: Json) -> str:
    return "not set" if value is UNSET else text(value)
