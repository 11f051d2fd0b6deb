"""What a shell offers for a word that is half typed: light readers, which end soon and are silent about every error."""

from typing import Final

VARIABLE: Final = "_BUNDLER_COMPLETE"  # a shell, for whom the words of the command line are to be completed
