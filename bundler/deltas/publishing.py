"""Publishing a delta: its parts appear first, then its signature, and last the file with the delta's own name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bundler.bundles.replacement.rules import check_file
from bundler.bundles.replacement.stage import Stage
from bundler.bundles.write import write_file
from bundler.deltas.parts import listed_names
from bundler.trust.file_signatures import sign_file, signature_place
from bundler.trust.keys import SigningKey


def publish(
    stage: Stage,
    made: Sequence[Path],
    output: Path,
    *,
    key: SigningKey | None,
    replace: bool,
    before: Callable[[], None],
) -> Path | None:
    """Move the files `made` to where `output` belongs; the last one becomes `output`. Sign it if there is a `key`.

    Gives the path of the signature. When an older delta in parts is replaced, its surplus parts are removed. Raises
    BundlerError, RequestError.
    """
    files = [*made[:-1], *_signature(stage, made[-1], output, key), made[-1]]
    places = [output.parent / file.name for file in files]
    for place in places:
        check_file(place, replace=replace)
    older = [output.parent / name for name in listed_names(output)] if replace else []
    before()
    for file, place in zip(files, places, strict=True):
        stage.publish_file(file, place, replace=replace)
    for part in older:
        if part not in places:
            part.unlink(missing_ok=True)
    return None if key is None else places[-2]


def _signature(stage: Stage, made: Path, output: Path, key: SigningKey | None) -> list[Path]:
    """That of the file, or of the list of its parts, which has their digests."""
    if key is None:
        return []
    signature = stage.workspace / signature_place(output, key).name
    write_file(signature, sign_file(made, output.name, key))
    return [signature]
