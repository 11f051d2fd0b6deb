"""Values made of fields: one line of CSV, as Go reads it (RFC 4180, with quotes around whole fields only)."""


def split(given: str) -> list[str]:
    """The fields of a line. Raises ValueError for none at all, and for a quote inside or behind a field."""
    if not given or "\n" in given:
        raise ValueError("it is not one line of fields")
    fields = []
    rest = given
    while True:
        field, rest = _quoted(rest[1:]) if rest.startswith('"') else _bare(rest)
        fields.append(field)
        if not rest:
            return fields
        rest = rest[1:]


def _bare(text: str) -> tuple[str, str]:
    field, comma, rest = text.partition(",")
    if '"' in field:
        raise ValueError('a bare " in a field without quotes')
    return field, comma + rest


def _quoted(text: str) -> tuple[str, str]:
    """Up to the closing quote; two quotes are one that belongs to the field."""
    field = ""
    while True:
        inner, quote, text = text.partition('"')
        if not quote:
            raise ValueError('a missing " at the end of a field')
        field += inner
        if not text.startswith('"'):
            break
        field, text = field + '"', text[1:]
    if text and not text.startswith(","):
        raise ValueError('something behind the " that ends a field')
    return field, text
