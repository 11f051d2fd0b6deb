from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from bundler.cli.options.bundle import BundleOptions, ImageArgument, words_of
from bundler.cli.options.settings import SettingsOptions
from bundler.cli.options.spread import spread
from bundler.cli.output.progress import Form
from bundler.errors import RequestError
from bundler.images.platform import Platform
from bundler.images.transports.table import TRANSPORTS, Transport
from bundler.request import BuildRequest


def request(*, platform: str | None = None, tls_verify: str | None = None) -> BuildRequest:
    options = BundleOptions(
        image="nginx",
        overrides=["a.yaml"],
        platform=platform,
        authfile=Path("auth.json"),
        policy=None,
        tls_verify=tls_verify,
        offline=True,
    )
    return options.request()


def test_options_become_a_request() -> None:
    made = request(platform="arm64", tls_verify="false")

    assert (made.image, made.overrides, made.platform) == ("nginx", ["a.yaml"], Platform("linux", "arm64"))
    assert (made.access.authfile, made.access.tls_verify, made.access.offline) == (Path("auth.json"), False, True)


def test_what_is_not_asked_for_is_left_open() -> None:
    made = request()

    assert made.platform is None
    assert made.access.tls_verify is None


@pytest.mark.parametrize(
    ("platform", "tls_verify", "message"),
    [
        ("a/b/c/d", None, "--platform: 'a/b/c/d' is not a platform"),
        (None, "yes", "--tls-verify: 'yes' is neither true nor false"),
    ],
    ids=["platform", "tls"],
)
def test_what_makes_no_sense_is_refused(platform: str | None, tls_verify: str | None, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        request(platform=platform, tls_verify=tls_verify)


@pytest.mark.parametrize("kind", [BundleOptions, SettingsOptions])
def test_options_become_the_words_they_came_from(kind: type[BundleOptions]) -> None:
    values: dict[Any, Any] = {
        bool: True,
        int: 1,
        list[str] | None: ["-a", "b c"],
        Path | None: Path("p q"),
        list[Path] | None: [Path("p q"), Path("-r")],
        str | None: "--x",
        Form: Form.PLAIN,
    }
    hints = get_type_hints(kind)
    read: list[BundleOptions] = []
    app = typer.Typer()

    def command(options: BundleOptions) -> None:
        read.append(options)

    command.__annotations__["options"] = kind
    app.command()(spread(command))
    every = kind(**{option.name: values[hints[option.name]] for option in fields(kind)})
    for asked in (every, kind(), kind(retries=0)):
        assert CliRunner().invoke(app, words_of(asked)).exit_code == 0
        assert read.pop() == asked


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
def test_every_transport_stands_in_the_help_and_the_documentation(transport: Transport) -> None:
    _, argument = get_args(ImageArgument)
    assert transport.typed in argument.help
    assert f"`{transport.typed}" in (Path(__file__).parents[3] / "docs/images.md").read_text()
