"""Names as a hostile image has them: each would do something where it is shown without care."""

from typing import Final

HOSTILE: Final = {
    "an element": "<script>alert(1)</script>",
    "an attribute": "\" onmouseover='alert(1)' x=\"",
    "the end of a style": "</style><style>*{display:none}</style>",
    "the end of a comment": "--><img src=x onerror=alert(1)><!--",
    "a character reference": "&lt;b&gt;&#60;b&#62;",
    "an escape of a terminal": "\x1b[2J\x1b]0;title\x07",
    "the other direction": "a\u202egpj.exe\u2066x\u2069",
    "nothing to see": "a\u200b\u2060\ufeffb\u00ad",
    "lines": "one\ntwo\r\nthree\u2028four",
    "NUL": "a\0b",
    "no UTF-8": "caf\udce9",
    "wide": "漢字" * 60,
    "long": "x" * 5000,
    "marks upon each other": "a" + "\u0301" * 500,
}
