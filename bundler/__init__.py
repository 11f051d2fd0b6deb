"""`import bundler`: an image becomes an OCI runtime bundle, without a Docker daemon.

    import bundler

    request = bundler.BuildRequest(image="nginx.tar", overrides=["web.yaml"])
    print(bundler.preview(request).document)
    bundler.build(request, Path("nginx"))

Each name below is loaded when it is first used. What fails as expected raises a BundlerError, of which each kind has
the exit code of the command line. A call may come from any thread, and changes no signal handler, umask, locale or
working folder.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bundler.approval.review import Review as Review
    from bundler.approval.reviewing import review as review
    from bundler.bundles.bundle import Bundle as Bundle
    from bundler.bundles.replacement.rules import OldVolumes as OldVolumes
    from bundler.bundles.verification.comparison import Change as Change
    from bundler.compare.defaults import diff as diff
    from bundler.compare.difference import Difference as Difference
    from bundler.compare.explanation import Explained as Explained
    from bundler.compare.explanation import Explanation as Explanation
    from bundler.compare.explanation import explain as explain
    from bundler.conversion.convert import ConvertedConfig as ConvertedConfig
    from bundler.deltas.applying import apply as apply
    from bundler.deltas.writing import Delta as Delta
    from bundler.deltas.writing import delta as delta
    from bundler.distribution.pulling import Pulled as Pulled
    from bundler.distribution.pulling import pull as pull
    from bundler.distribution.pushing import Pushed as Pushed
    from bundler.distribution.pushing import push as push
    from bundler.dry_run import inspect as inspect
    from bundler.dry_run import preview as preview
    from bundler.errors import BundlerError as BundlerError
    from bundler.errors import DifferenceError as DifferenceError
    from bundler.errors import ImageError as ImageError
    from bundler.errors import LayerError as LayerError
    from bundler.errors import RequestError as RequestError
    from bundler.errors import ToolError as ToolError
    from bundler.images.image import Image as Image
    from bundler.images.platform import Platform as Platform
    from bundler.images.transports.access import Access as Access
    from bundler.limits import Limits as Limits
    from bundler.packing.packing import Packed as Packed
    from bundler.packing.packing import pack as pack
    from bundler.packing.unpacking import unpack as unpack
    from bundler.pipeline import Built as Built
    from bundler.pipeline import build as build
    from bundler.progress import Meter as Meter
    from bundler.progress import Progress as Progress
    from bundler.reproducible.lock import Lock as Lock
    from bundler.reproducible.lock import load_lock as load_lock
    from bundler.reproducible.project_lock import ProjectLock as ProjectLock
    from bundler.reproducible.project_lock import load_project_lock as load_project_lock
    from bundler.request import BuildRequest as BuildRequest
    from bundler.runtime_spec.runtime_config import RuntimeConfig as RuntimeConfig
    from bundler.trust.keys import Signed as Signed
    from bundler.trust.keys import SigningKey as SigningKey
    from bundler.trust.keys import TrustedKey as TrustedKey
    from bundler.trust.keys import load_signing_key as load_signing_key
    from bundler.trust.keys import load_trusted_key as load_trusted_key
    from bundler.trust.policy import Policy as Policy
    from bundler.trust_policies import load_policy as load_policy
    from bundler.upkeep.verification import Verified as Verified
    from bundler.upkeep.verification import verify as verify

__version__ = "0.2.0"

_HOMES: Final = {
    "approval.review": ("Review",),
    "approval.reviewing": ("review",),
    "bundles.bundle": ("Bundle",),
    "bundles.replacement.rules": ("OldVolumes",),
    "bundles.verification.comparison": ("Change",),
    "compare.defaults": ("diff",),
    "compare.difference": ("Difference",),
    "compare.explanation": ("Explained", "Explanation", "explain"),
    "conversion.convert": ("ConvertedConfig",),
    "deltas.applying": ("apply",),
    "deltas.writing": ("Delta", "delta"),
    "distribution.pulling": ("Pulled", "pull"),
    "distribution.pushing": ("Pushed", "push"),
    "dry_run": ("inspect", "preview"),
    "errors": ("BundlerError", "DifferenceError", "ImageError", "LayerError", "RequestError", "ToolError"),
    "images.image": ("Image",),
    "images.platform": ("Platform",),
    "images.transports.access": ("Access",),
    "limits": ("Limits",),
    "packing.packing": ("Packed", "pack"),
    "packing.unpacking": ("unpack",),
    "pipeline": ("Built", "build"),
    "progress": ("Meter", "Progress"),
    "reproducible.lock": ("Lock", "load_lock"),
    "reproducible.project_lock": ("ProjectLock", "load_project_lock"),
    "request": ("BuildRequest",),
    "runtime_spec.runtime_config": ("RuntimeConfig",),
    "trust.keys": ("Signed", "SigningKey", "TrustedKey", "load_signing_key", "load_trusted_key"),
    "trust.policy": ("Policy",),
    "trust_policies": ("load_policy",),
    "upkeep.verification": ("Verified", "verify"),
}
_HOME_OF: Final = {name: f"bundler.{home}" for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF]  # noqa: PLE0604 -- names, all of them

if not TYPE_CHECKING:  # to a type checker, a name that is not above is a mistake

    def __getattr__(name: str) -> object:
        """A name of the front door, from the module that has it."""
        if name not in _HOME_OF:
            raise AttributeError(f"module 'bundler' has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
