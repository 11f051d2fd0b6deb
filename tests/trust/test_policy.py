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
        "no list": ("trust: {images: a}", "no list `trust`"),
        "no map": ("trust: [a]", "a rule is a map"),
        "no images": ("trust: [{kind: refused}]", "names images"),
        "no keys": ("trust: [{images: a}]", "has keys"),
        "an empty list of keys": ("trust: [{images: a, keys: []}]", "has keys"),
        "keys for anything": ("trust: [{images: a, kind: anything, keys: [k.pub]}]", "of kind anything has no keys"),
        "a mistyped word": ("trust: [{image: a}]", "unknown key 'image'"),
        "a mistyped kind": ("trust: [{images: a, kind: any}]", "unknown kind 'any'"),
        "a number": ("trust: [{images: a, keys: [1]}]", "is text"),
        "no file": ("trust: [{images: a, keys: [none.pub]}]", "none.pub does not exist"),
    }.values(),
)
def test_what_is_no_policy_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises((RequestError, DifferenceError)) as caught:
        load_policy(tmp_path / "policy.yaml")
    assert words in caught.value.what
