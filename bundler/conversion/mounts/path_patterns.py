"""Shell patterns over paths: `*`, `?` and `[...]` match within one component, as in a shell."""

from fnmatch import fnmatchcase


def matches(path: str, pattern: str) -> bool:
    """Whether `pattern` is `path`, component by component."""
    steps, patterns = path.split("/"), pattern.rstrip("/").split("/")
    return len(steps) == len(patterns) and all(map(fnmatchcase, steps, patterns))
