"""Options that say how images are reached, and the request they add up to."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bundler.cli.output.console import note
from bundler.cli.output.progress import Form, ProgressOption, QuietOption, shown_progress
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, NAMES, Limits
from bundler.progress import Progress
from bundler.store import VARIABLE, default_place

if TYPE_CHECKING:
    from bundler import Access, BuildRequest, Platform
    from bundler.trust.policy import Policy

REACHING: Final = "How the image is reached, and what it may be"

PlatformOption = Annotated[
    str | None,
    typer.Option(
        "--platform",
        metavar="OS/ARCH",
        help="The platform to take from a multi-platform image.",
        rich_help_panel=REACHING,
    ),
]
AuthfileOption = Annotated[
    Path | None,
    typer.Option(
        "--authfile", metavar="FILE", help="Credentials for registries, as skopeo reads them.", rich_help_panel=REACHING
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The signature policy, instead of the system's policy.json.",
        rich_help_panel=REACHING,
    ),
]
TlsVerifyOption = Annotated[
    str | None,
    typer.Option(
        "--tls-verify",
        metavar="true|false",
        help="Whether registries need HTTPS and a valid certificate.",
        show_default=False,
        rich_help_panel=REACHING,
    ),
]
RetriesOption = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        min=0,
        max=100,
        help="How often to ask a registry again after what may pass: a connection that broke off, an error of the "
        "registry's own.",
        rich_help_panel=REACHING,
    ),
]
TimeoutOption = Annotated[
    int,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        help="When to give up a registry that says nothing.",
        rich_help_panel=REACHING,
    ),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never use the network.", rich_help_panel=REACHING)]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        envvar=VARIABLE,
        help="Where fetched images are kept; if absent, $XDG_DATA_HOME/bundler (~/.local/share/bundler).",
        show_default=False,
        rich_help_panel=REACHING,
    ),
]
RequireDigestOption = Annotated[
    bool,
    typer.Option(
        "--require-digest",
        help="Refuse a registry's image that neither a digest nor a lock pins.",
        rich_help_panel=REACHING,
    ),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help=f"The most an image may have of: {', '.join(NAMES)}. N may end in k, m, g or t. May be repeated.",
        rich_help_panel=REACHING,
    ),
]
VerifyKeyOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--verify-key",
        metavar="PUB",
        help="Refuse an image that this public key of cosign's (PEM) has not signed. May be repeated: one is enough.",
        show_default=False,
        rich_help_panel=REACHING,
    ),
]
TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        metavar="FILE",
        help="A policy: which keys must have signed which images (trust: [{images: PATTERN, keys: [PUB]}]).",
        show_default=False,
        rich_help_panel=REACHING,
    ),
]


def limits_of(limit: list[str] | None) -> Limits:
    """The limits that --limit changes. Raises RequestError."""
    try:
        return DEFAULTS.changed(tuple(limit or ()))
    except ValueError as error:
        raise RequestError(f"--limit: {error}", hint="for example --limit unpacked-size=300g") from None


def trust_policy(keys: list[Path] | None, file: Path | None) -> "Policy | None":
    """What --verify-key and --trust ask of images. Raises RequestError, DifferenceError, ToolError."""
    if keys and file is not None:
        raise RequestError("--verify-key and --trust exclude each other", hint="name the key in a rule of the policy")
    if file is not None:
        from bundler.trust_policies import load_policy

        return load_policy(file)
    if not keys:
        return None
    from bundler.trust.keys import load_image_key
    from bundler.trust.policy import by_keys

    return by_keys(tuple(map(load_image_key, keys)), "--verify-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How registries may be reached."""

    authfile: AuthfileOption = None
    tls_verify: TlsVerifyOption = None
    retries: RetriesOption = 3
    timeout: TimeoutOption = 120
    limit: LimitOption = None
    progress: ProgressOption = Form.AUTO
    quiet: QuietOption = False

    def bars(self) -> AbstractContextManager[Progress]:
        """Progress as --progress and --quiet ask for it, while the context lasts."""
        return shown_progress(self.progress, quiet=self.quiet)

    def access(self, *, policy: Path | None = None, offline: bool = False) -> "Access":
        """What they say, with what else a command knows of it. Raises RequestError."""
        from bundler import Access

        return Access(
            authfile=self.authfile,
            policy=policy,
            tls_verify=self._tls_verify(),
            offline=offline,
            retries=self.retries,
            timeout=self.timeout,
            report=note,
        )

    def _tls_verify(self) -> bool | None:
        """As skopeo spells it, --tls-verify=false; not given, registries.conf decides."""
        if self.tls_verify not in (None, "true", "false"):
            what = f"--tls-verify: {printable(self.tls_verify or '')!r} is neither true nor false"
            raise RequestError(what, hint="--tls-verify=false talks to a registry without a certificate")
        return None if self.tls_verify is None else self.tls_verify == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOptions(RegistryOptions):
    """How images may be reached, which of their platforms is meant, and who has to have signed them."""

    platform: PlatformOption = None
    policy: PolicyOption = None
    offline: OfflineOption = False
    store: StoreOption = None
    require_digest: RequireDigestOption = False
    verify_key: VerifyKeyOption = None
    trust: TrustOption = None

    def request(self, **more: Any) -> "BuildRequest":
        """The request they add up to, with what else a command knows of it. Raises RequestError."""
        from bundler import BuildRequest

        return BuildRequest(
            platform=self._platform(),
            access=self.access(policy=self.policy, offline=self.offline),
            store=self.store or default_place(),
            require_digest=self.require_digest,
            limits=limits_of(self.limit),
            trust=trust_policy(self.verify_key, self.trust),
            **more,
        )

    def _platform(self) -> "Platform | None":
        from bundler import Platform

        try:
            return Platform.parse(self.platform) if self.platform is not None else None
        except ValueError as error:
            raise RequestError(f"--platform: {error}", hint="for example --platform linux/arm64") from None
