import pytest

from bundler.images.platform import Platform


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("linux/amd64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("armhf", "linux/arm/v7"),
        ("LINUX/AMD64", "linux/amd64"),
    ],
)
def test_platforms_are_written_in_gos_names(text: str, meant: str) -> None:
    assert str(Platform.parse(text)) == meant


@pytest.mark.parametrize("text", ["", "/", "linux/", "linux/a/b/c", "linux/am d64", "linux/\x1b[0m"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="platform"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("asked", "found", "fits"),
    [
        ("amd64", "amd64", True),
        ("amd64", "arm64", False),
        ("amd64", "windows/amd64", False),
        ("arm", "linux/arm/v5", True),
        ("linux/arm/v7", "linux/arm/v6", False),
        ("linux/arm/v7", "arm", True),
        ("linux/arm64/v8", "arm64", True),
        ("arm64", "linux/arm64/v8", True),
        ("linux/amd64/v3", "amd64", False),
    ],
)
def test_a_variant_matters_only_when_it_is_asked_for(asked: str, found: str, *, fits: bool) -> None:
    assert Platform.parse(asked).accepts(Platform.parse(found)) is fits


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("arm64", "linux/arm64/v8", True), ("amd64", "linux/amd64/v3", False), ("arm", "linux/arm/v7", True)],
)
def test_an_implied_variant_equals_the_stated_one(one: str, other: str, *, same: bool) -> None:
    assert Platform.parse(one).equals(Platform.parse(other)) is same
    assert Platform.parse(other).equals(Platform.parse(one)) is same
