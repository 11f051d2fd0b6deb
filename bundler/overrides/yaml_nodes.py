"""ruamel's nodes of a YAML text, its positions and tags kept. This module is imported where there is text to read.

Not by ruamel's round-trip loader, which marks every fold of a `>` scalar with a BEL for its own writer.
"""

import warnings
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import ReusedAnchorWarning
from ruamel.yaml.scanner import Scanner

from bundler.overrides.node import MAXIMUM_VALUES

_LINE_BREAKS = "\r\n\x85\u2028\u2029"


class _Scanner(Scanner):
    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]:
        """The empty lines that a block scalar begins with, and its indentation.

        ruamel refuses a first empty line that holds fewer blanks than the text; YAML 1.2.2 section 8.1.1.1 only one
        that holds more.
        """
        breaks: list[str] = []
        deepest, end = 0, self.reader.get_mark()
        while self.reader.peek() in " " + _LINE_BREAKS:
            if self.reader.peek() == " ":
                self.reader.forward()
                deepest = max(deepest, self.reader.column)
            else:
                breaks.append(self.scan_line_break())
                end = self.reader.get_mark()
        return breaks, deepest, end


class _Composer(Composer):
    """Gives up before a file of commas has become some hundred megabytes of nodes."""

    count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.count += 1
        if self.count > 2 * MAXIMUM_VALUES:  # keys are nodes, too
            raise ComposerError(None, None, f"more than {MAXIMUM_VALUES} values", self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


def compose(text: str) -> Any:
    """The root of the one document, None where there is none. Raises ruamel's YAMLError."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    yaml.Composer = _Composer
    with warnings.catch_warnings():
        # A name may be given to a second anchor (YAML 1.2.2 section 3.2.2.2); ruamel warns on standard error.
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        return yaml.compose(text)
