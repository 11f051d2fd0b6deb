"""A profile's config.json for a machine like that of another config.json, so that the two can be compared."""

from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle, ConfigFile, read_config_file
from bundler.compare.difference import Difference, differences
from bundler.compare.project_difference import are_projects, project_differences
from bundler.conversion.convert import ConvertedConfig, default_config, without_the_images_part
from bundler.conversion.target import Target
from bundler.profiles import PROFILES, load_profile
from bundler.runtime_spec.runtime_config import RuntimeConfig

# libseccomp's names of native architectures → Go's. Without any of them: a document with no filter, so of any machine.
_ARCHITECTURES: Final = {
    "SCMP_ARCH_X86_64": "amd64",
    "SCMP_ARCH_AARCH64": "arm64",
    "SCMP_ARCH_ARM": "arm",
    "SCMP_ARCH_X86": "386",
    "SCMP_ARCH_RISCV64": "riscv64",
    "SCMP_ARCH_S390X": "s390x",
    "SCMP_ARCH_PPC64LE": "ppc64le",
    "SCMP_ARCH_LOONGARCH64": "loong64",
    "SCMP_ARCH_MIPS64": "mips64",
    "SCMP_ARCH_MIPSEL64": "mips64le",
}

# What a profile is compared with when nothing was written: the other profile.
NEUTRAL: Final = ConfigFile(RuntimeConfig({}))


def diff(before: str | Path | Bundle, after: str | Path | Bundle) -> list[Difference]:
    """How the runtime config `after` differs from `before`, place by place, and what that means for security.

    Both may be projects. Else each is a bundle or its directory, a config.json, `-` for one on standard input, or the
    name of a profile (`docker`, `docker@29`); with a profile, what no profile can say is left out of both. Sets are
    compared as sets, mounts by destination, device rules and seccomp filters by what they do (runtime-spec
    config-linux.md). Raises RequestError.
    """
    if are_projects(before, after):
        return project_differences(Path(str(before)), Path(str(after)))
    first, second = comparable(before, after)
    return differences(first.document, second.document)


def comparable(before: str | Path | Bundle, after: str | Path | Bundle) -> tuple[RuntimeConfig, RuntimeConfig]:
    """The two configs that `diff` compares: with a profile, less what no profile can say. Raises RequestError."""
    profiles = {side for side in (before, after) if isinstance(side, str) and side in PROFILES}
    for side in (before, after):
        if isinstance(side, str) and "@" in side and not Path(side).exists() and side not in profiles:
            load_profile(side)  # which says that there is none, and which there are
    written = {side: read_config_file(side) for side in dict.fromkeys((before, after)) if side not in profiles}
    configs = {side: file.config for side, file in written.items()}
    if profiles:
        machine = next(iter(written.values()), NEUTRAL)
        configs |= {name: like(machine, name) for name in profiles}
        configs = {side: without_the_images_part(config) for side, config in configs.items()}
    return configs[before], configs[after]


def like(written: ConfigFile, profile: str | None = None) -> ConvertedConfig:
    """The defaults of `profile` (None: the one that `written` was made with, else docker)."""
    recorded = written.recorded or {}
    if profile is None and isinstance(recorded.get("profile"), str):
        profile = recorded["profile"]
    loaded = load_profile() if profile is None else load_profile(profile)
    has_apparmor = "apparmorProfile" in written.config.process.members
    return default_config(loaded, Target(apparmor=has_apparmor), _architecture(written.config))


def _architecture(config: RuntimeConfig) -> str:
    names = config.values("linux", "seccomp", "architectures", "*")
    return next((_ARCHITECTURES[name] for name in names if name in _ARCHITECTURES), "amd64")
