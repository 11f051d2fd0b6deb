"""Hooks whose files are in the bundle's `hooks/`, and how config.json starts one though a bundle can be moved.

config.md wants an absolute path for a hook, and only at run time is it known where the bundle lies. Its working
directory does not tell: runc 1.1 starts createContainer hooks in the rootfs, and poststop hooks wherever `runc delete`
was typed; crun 1.8 starts all of them in the bundle, as is done here. What every runtime has to give a hook is the
container's state, on standard input, with the absolute path of the bundle. A fixed script takes it from there; what
varies are the words behind it, which a shell passes on and never reads as code.
"""

from collections.abc import Sequence
from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.origins import Json

FOLDER: Final = "hooks"
# A hook without an environment gets that of the runtime, and from runc, a createContainer hook gets the one that the
# image chose: LD_PRELOAD=./evil.so would be loaded into a program of the machine (CVE-2025-23266).
ENVIRONMENT: Final = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)

# The first expression finds `bundle` behind members that are text or numbers, whole ones, so that no text can pose as a
# member: `annotations`, whose names are anybody's, come later in every runtime. The second undoes the escapes of JSON
# for what printf reads as an escape of its own; Go writes < > & as numbers. The state goes on to the hook.
STARTER: Final = r"""state=$(cat)
bundle=$(printf '%s' "$state" | tr '\n\r\t' '   ' |
LC_ALL=C sed -nE 's/^ *\{( *"([^"\\]|\\.)*" *: *("([^"\\]|\\.)*"|[0-9]+) *,)* *"bundle" *: *"(([^"\\]|\\.)*)".*/\5/p' |
LC_ALL=C sed 's,\\\\,\\0134,g; s,\\",",g; s,\\/,/,g; s,\\u003c,<,g; s,\\u003e,>,g; s,\\u0026,\&,g')
bundle=$(printf '%b' "$bundle")
if ! cd "$bundle" || [ ! -x "$bundle/$0" ]; then
    printf 'bundler: %s is not there, or is not executable\n' "${bundle:-BUNDLE}/$0" >&2
    exit 1
fi
exec "$bundle/$0" "$@" <<END_OF_STATE
$state
END_OF_STATE
"""


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """A file below the bundle: what is in it, and whether it is a program."""

    content: bytes
    executable: bool = True


def start(path: str, arguments: Sequence[str] = (), environment: Sequence[str] = ENVIRONMENT) -> dict[str, Json]:
    """The hook (config.md, POSIX-platform hooks) that starts the bundle's file `path` with `arguments`."""
    return {"path": "/bin/sh", "args": ["sh", "-c", STARTER, path, *arguments], "env": list(environment)}
