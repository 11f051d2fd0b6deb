"""A runtime config that somebody wrote, read back: hostile until it is known to be one."""

from dataclasses import dataclass
from pathlib import Path

from bundler.bundles.json_document import MAXIMUM_BYTES, parse
from bundler.bundles.record import fits
from bundler.conversion.validity import malformed
from bundler.errors import RequestError, printable
from bundler.origins import Json
from bundler.standard_input import read_input


@dataclass(frozen=True, slots=True)
class Written:
    """A config.json, and the bundler.json beside it if that is about these very bytes.

    `stale` is set when there is a bundler.json about other bytes: config.json was changed after the build.
    """

    document: dict[str, Json]
    recorded: dict[str, Json] | None = None
    stale: bool = False


def read_written(path: str) -> Written:
    """A bundle's directory, a config.json, or `-` for one on standard input. Raises RequestError."""
    if path == "-":
        return Written(_runtime_config(read_input(MAXIMUM_BYTES), "standard input"))
    file = Path(path)
    if file.is_dir():
        if not (file / "config.json").is_file():
            raise RequestError(f"{printable(path)} is not a bundle: it has no config.json")
        file /= "config.json"
    content = _read(file)
    document = _runtime_config(content, printable(str(file)))
    record = file.parent / "bundler.json"
    if file.name != "config.json" or not record.is_file():
        return Written(document)
    try:
        recorded = parse(_read(record), printable(str(record)))
    except RequestError:
        return Written(document, stale=True)
    return Written(document, recorded) if fits(recorded, content) else Written(document, stale=True)


def _runtime_config(content: bytes, name: str) -> dict[str, Json]:
    document = parse(content, name)
    try:
        fault = next(malformed(document), None)
    except RecursionError:
        raise RequestError(f"{name}: nested too deeply") from None
    if fault is not None:
        where = f"{printable(fault.pointer)}: " if fault.pointer else ""
        raise RequestError(f"{name} is not a runtime config: {where}{fault.what}", hint=fault.hint)
    return document


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"cannot read {printable(str(path))}: {reason}") from None
