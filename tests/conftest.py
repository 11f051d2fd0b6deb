"""What every test can count on: what it needs is there, and nothing of this machine leaks in."""

import gc
import os
import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from bundler.garbage import look_rarely
from tests.support.measured import is_measured, measure_workers

IN_CI = os.environ.get("CI") == "true"
CACHE = "BUNDLER_TEST_CACHE"

# Where programs look for the settings of whoever runs the tests.
PERSONAL_SETTINGS = [
    *("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    *("CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),  # each command would compile all of bundler anew
    *("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "LANGUAGE", "LC_ALL", "LANG", "TZ"),
]
# skopeo and podman refuse every image unless a policy says which are trusted.
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C; nohup, a hangup.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    settings.register_profile("any machine", deadline=None)  # a machine that is busy is no mistake
    # What is measured is the same each time, and found without a long search.
    settings.register_profile("measured", deadline=None, derandomize=True, max_examples=10)
    # What every change is tried with (scripts/test --quick): all tests at once have the hundred examples of each.
    settings.register_profile("quick", deadline=None, max_examples=20)
    settings.load_profile("measured" if is_measured() else "any machine")
    # A machine that is busy must not say how far it is where a test expects silence.
    os.environ["BUNDLER_PROGRESS"] = "none"
    # runc and dockerd are in sbin, which is not on every user's PATH.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    measure_workers()
    look_rarely()
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.import_plugin("tests.support.distribution")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What pytest holds of all tests, of which there are many thousands, stays: no collection needs to look at it."""
    result = yield
    gc.collect()
    gc.freeze()
    return result


def what_is_missing(item: pytest.Item) -> list[str]:
    """What this test needs, by its marks, and does not find here."""
    missing = []
    if item.get_closest_marker("root") and os.geteuid() != 0:
        missing.append("root")
    for mark in item.iter_markers("tool"):
        missing += [name for name in mark.args if not is_there(name)]
    return missing


def is_there(tool: str) -> bool:
    """Whether a program is on PATH; a tool that is only files goes by an absolute path."""
    return Path(tool).exists() if tool.startswith("/") else shutil.which(tool) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """At a desk, a test that cannot run is skipped; in CI everything is there, or something is wrong."""
    missing = what_is_missing(item)
    if missing and IN_CI:
        pytest.fail(f"CI lacks {', '.join(missing)}: see scripts/setup", pytrace=False)
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home directory, but for the policy that lets skopeo copy anything."""
    directory = tmp_path_factory.mktemp("home")
    policy = directory / ".config/containers/policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text(POLICY)
    for name in PERSONAL_SETTINGS:
        os.environ.pop(name, None)
    os.environ["HOME"] = str(directory)
    return directory


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Where all workers keep slow things: for this run, or for the next ones too if BUNDLER_TEST_CACHE is a folder."""
    of_the_run = tmp_path_factory.getbasetemp()
    if hasattr(pytestconfig, "workerinput"):  # a worker of pytest-xdist
        of_the_run = of_the_run.parent
    directory = Path(os.environ.get(CACHE, of_the_run / "cache"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory
