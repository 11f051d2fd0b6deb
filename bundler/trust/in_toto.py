"""An in-toto statement about a packed bundle: how it was made, in the terms of SLSA's provenance (v1).

It is a claim of the one who signs it. Its signature lies beside it, as that of any file.
"""

from collections.abc import Sequence
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json

_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PROVENANCE: Final = "https://slsa.dev/provenance/v1"
_PACKAGE: Final = "pkg:pypi/oci-bundler"  # both are to be URIs, and a package URL is one


@dataclass(frozen=True, slots=True)
class Material:
    """A file that the packed bundle was made from, or that was made beside it; `sha256` is in hexadecimal."""

    name: str
    sha256: str

    def described(self) -> dict[str, Json]:
        return {"name": self.name, "digest": {"sha256": self.sha256}}


def state(
    subject: Material,
    *,
    version: str,
    materials: Sequence[Material],
    record: Material,
    parameters: dict[str, Json],
    built_again: str,
) -> dict[str, Json]:
    """The statement: that `subject` was packed by this version of bundler from what `materials` name.

    `record` is the document that has the digests of all that is in it, `built_again` says what a second build gave.
    """
    return {
        "_type": _STATEMENT,
        "subject": [subject.described()],
        "predicateType": _PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": f"{_PACKAGE}#pack",
                "externalParameters": parameters,
                "resolvedDependencies": [material.described() for material in materials],
            },
            "runDetails": {
                "builder": {"id": f"{_PACKAGE}@{version}", "version": {"oci-bundler": version}},
                "byproducts": [record.described()],
            },
            # What is not of SLSA has a name with its owner in front.
            "bundler_builtAgain": built_again,
        },
    }
