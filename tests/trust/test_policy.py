"""Which rule of a policy counts for an image, and what a policy's file has to look like."""

from pathlib import Path

import pytest

from bundler.errors import DifferenceError, RequestError
from bundler.trust.encoding import ForgedError
from bundler.trust.policy import Kind, Policy, Rule
from bundler.trust_policies import load_policy
from tests.support.image_signatures import GENERATED, Pair

RULES = (
    Rule("registry.example/scratch/**", Kind.ANYTHING),
    Rule("docker.io/library/*", Kind.COSIGN),
    Rule("registry.example/*/web", Kind.COSIGN),
    Rule("registry.example/**", Kind.REFUSED),
)
POLICY = Policy("policy.yaml", RULES)


@pytest.mark.parametrize(
    ("repository", "number"),
    {
        "registry.example/scratch/a/b": 0,
        "docker.io/library/nginx": 1,
        "registry.example/shop/web": 2,
        "registry.example/shop/sub/web": 3,
        "registry.example/shop": 3,
        "docker.io/library/a/b": None,
        "docker.io/other/nginx": None,
        "dockerXio/library/nginx": None,
        "evil.example/docker.io/library/nginx": None,
        "docker.io/library/nginx\nregistry.example/scratch/a": None,
        "": None,
    }.items(),
)
def test_the_first_rule_that_fits_the_whole_name_counts(repository: str, number: int | None) -> None:
    fitting = [rule for rule in RULES if rule.fits(repository)]
    assert fitting[:1] == ([] if number is None else [RULES[number]])


@pytest.mark.parametrize(
    "pattern",
    [
        *("**", "*/**", "*/*", "127.*/**", "localhost/web", "*.example/shop-*", "docker.io/**", "docker.io/library/*"),
        *("**/web", "ghcr.io/team/*/web", "[::1]:5000/*", "localhost:5000/**", "a.example/**_x"),
    ],
)
def test_a_pattern_that_fits_some_repository_is_taken(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "policy.yaml").write_text(f"trust: [{{images: '{pattern}', kind: anything}}]\n")
    assert load_policy(tmp_path / "policy.yaml").rules[0].images == pattern


def test_a_pattern_of_many_stars_takes_no_longer_than_another() -> None:
    """A lock brings its rules along."""
    name = f"a.example/{'a' * 240}"
    for star in ("*a", "**a"):
        rule = Rule(f"a.example/{star * 100}", Kind.COSIGN)
        assert rule.fits(name)
        assert not rule.fits(f"{name}b")


def test_what_no_rule_speaks_of_is_refused() -> None:
    with pytest.raises(ForgedError, match=r"no rule of policy\.yaml"):
        POLICY.keys_for("ghcr.io/a")
    with pytest.raises(ForgedError, match=r"is refused by policy\.yaml"):
        POLICY.keys_for("registry.example/shop")
    assert POLICY.keys_for("registry.example/scratch/a") == ()


@pytest.mark.tool("openssl")
def test_a_policy_is_read_with_the_keys_beside_it(tmp_path: Path) -> None:
    pair = Pair(tmp_path, GENERATED["ed25519"])
    (tmp_path / "cosign.pub").write_bytes(pair.public)
    (tmp_path / "policy.yaml").write_text(
        "trust:\n- {images: docker.io/library/*, keys: [cosign.pub]}\n- {images: '**', kind: refused}\n"
    )
    policy = load_policy(tmp_path / "policy.yaml")
    assert [key.name for key in policy.keys_for("docker.io/library/nginx")] == [pair.key.name]
    with pytest.raises(ForgedError):
        policy.keys_for("docker.io/other/nginx")


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "nothing": ("", "no list `trust`"),
        "no list": ("trust: {images: a.example/b}", "no list `trust`"),
        "no map": ("trust: [a]", "a rule is a map"),
        "no images": ("trust: [{kind: refused}]", "names images"),
        "no keys": ("trust: [{images: a.example/b}]", "has keys"),
        "an empty list of keys": ("trust: [{images: a.example/b, keys: []}]", "has keys"),
        "keys for anything": (
            "trust: [{images: a.example/b, kind: anything, keys: [k.pub]}]",
            "of kind anything has no keys",
        ),
        "a mistyped word": ("trust: [{image: a}]", "unknown key 'image'"),
        "a mistyped kind": ("trust: [{images: a.example/b, kind: any}]", "unknown kind 'any'"),
        "a number": ("trust: [{images: a.example/b, keys: [1]}]", "is text"),
        "a name that Docker would complete": (
            "trust: [{images: library/nginx, kind: refused}]",
            "no repository is like",
        ),
        "a tag": ("trust: [{images: 'docker.io/library/nginx:1', kind: refused}]", "no repository is like"),
        "a digest": ("trust: [{images: 'a.example/b@sha256:*', kind: refused}]", "no repository is like"),
        "a star for all of Docker's registry": (
            "trust: [{images: docker.io/*, kind: refused}]",
            "no repository is like",
        ),
        "a star for everything": ("trust: [{images: '*', kind: refused}]", "no repository is like"),
        "another name of a registry": ("trust: [{images: index.docker.io/**, kind: refused}]", "no repository is like"),
        "capitals": ("trust: [{images: a.example/Shop/*, kind: refused}]", "no repository is like"),
        "no file": ("trust: [{images: a.example/b, keys: [none.pub]}]", "none.pub does not exist"),
    }.values(),
)
def test_what_is_no_policy_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises((RequestError, DifferenceError)) as caught:
        load_policy(tmp_path / "policy.yaml")
    assert words in caught.value.what
