"""Reviews of one row, whose texts are any."""

from bundler.approval.review import Comparison, Review, Row, Section
from bundler.compare.difference import Difference
from bundler.compare.marks import Mark


def review_of(text: str, mark: Mark = "looser") -> Review:
    """A review that has `text` in every place that an image or a user can reach."""
    difference = Difference(text, text, text, mark, text)
    row = Row(
        what=text, value=text, baseline=text, note=text, set_by=(text, f"image {text}"), differences=(difference,)
    )
    section = Section(name="files", title="Files", gist=text, rows=(row, Row(what=text, value=text)))
    return Review(
        name=text,
        profile="docker@28",
        sections=(section,),
        facts=Section(name="facts", title="What it was made of", gist=text, rows=(Row(what="image", value=text),)),
        against=Comparison(name=text, sections=(section,)),
        warnings=(text,),
    )
