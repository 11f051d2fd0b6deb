"""-v, --mount and --tmpfs: what they become, and what docker refuses of them."""

import pytest

from bundler.errors import RequestError
from tests.overrides.docker_run.lines import keys


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("/srv:/x", "/srv:/x"),
        ("/srv:/x:ro,rslave", "/srv:/x:ro,rslave"),
        ("/srv:/a/../x/", "/srv:/x"),
        ("cache:/x", "cache:/x"),
        ("/x", "/x"),
        ("./site:/x", "/home/me/site:/x"),
        ("..:/x:z", "/home:/x:z"),
    ],
)
def test_v_becomes_a_volume(given: str, becomes: str) -> None:
    assert keys("-v", given, "image")["volumes"] == [becomes]


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("target=/x", {"type": "volume", "target": "/x"}),
        ("type=volume,src=cache,dst=/x,ro", {"type": "volume", "source": "cache", "target": "/x", "read_only": True}),
        (
            "type=volume,source=cache,target=/x,volume-nocopy,volume-subpath=a/b",
            {"type": "volume", "source": "cache", "target": "/x", "volume": {"nocopy": True, "subpath": "a/b"}},
        ),
        ("TYPE=BIND,Source=/srv,target=/x,readonly=0", {"type": "bind", "source": "/srv", "target": "/x"}),
        ("type=bind,src=./srv,dst=/x", {"type": "bind", "source": "/home/me/srv", "target": "/x"}),
        ('type=bind,"src=/a,b",dst=/x', {"type": "bind", "source": "/a,b", "target": "/x"}),
        (
            "type=bind,src=/a,dst=/x,bind-propagation=RSLAVE,bind-recursive=disabled",
            {
                "type": "bind",
                "source": "/a",
                "target": "/x",
                "bind": {"propagation": "rslave", "recursive": "disabled"},
            },
        ),
        (
            "type=bind,src=/a,dst=/x,bind-nonrecursive",
            {"type": "bind", "source": "/a", "target": "/x", "bind": {"recursive": "disabled"}},
        ),
        (
            "type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=1777",
            {"type": "tmpfs", "target": "/x", "tmpfs": {"size": 1 << 20, "mode": 0o1777}},
        ),
        ("type=image,src=a:1,dst=/x", {"type": "image", "source": "a:1", "target": "/x"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mount_becomes_a_volume_in_the_long_form(given: str, becomes: object) -> None:
    assert keys("--mount", given, "image")["volumes"] == [becomes]


def test_a_volume_that_is_given_twice_in_the_same_words_is_one() -> None:
    assert keys("-v", "/srv:/x", "-v", "/srv:/x", "image")["volumes"] == ["/srv:/x"]
    with pytest.raises(RequestError, match="duplicate mount point: /x"):
        keys("-v", "/srv:/x", "-v", "/srv:/x/", "image")


def test_tmpfs_keeps_its_options_and_the_last_of_one_place_counts() -> None:
    assert keys("--tmpfs", "/a", "--tmpfs", "/b:exec", "--tmpfs=/a:size=1m", "image") == {
        "image": "image",
        "tmpfs": ["/a:size=1m", "/b:exec"],
    }


def test_an_anonymous_volume_gives_way_to_any_other_mount() -> None:
    assert keys("-v", "/x", "-v", "/x", "-v", "cache:/x/", "image")["volumes"] == ["cache:/x"]
    assert keys("-v", "/x", "--tmpfs", "/x", "image") == {"image": "image", "tmpfs": ["/x"]}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-v", ""], "empty"),
        (["-v", ":/x"], "empty section"),
        (["-v", "/a:/x:"], "empty section"),
        (["-v", "a:/x"], "at least two characters"),
        (["-v", "/x:ro"], "options, but no source"),
        (["-v", "/a:/b:ro:z"], "more than three"),
        (["-v", "/a:/b:ro,"], "'' is not one of its options"),
        (["-v", "/a:/b:RO"], "'RO' is not one of its options"),
        (["-v", "/a:/b:ro,rw"], "about the same"),
        (["-v", "/a:/b:z,Z"], "about the same"),
        (["-v", "/a:/b:cached,delegated"], "about the same"),
        (["-v", "/:/b:rprivate"], "has to be rslave or rshared"),
        (["--mount", "type=bind,src=/var/lib,dst=/x,bind-propagation=slave"], "has to be rslave or rshared"),
        (["-v", "/a:/"], "mount point"),
        (["-v", "/a:x"], "mount point"),
        (["-v", "~/a:/x"], "no name of a volume"),
        (["-v", "/a:/x", "-v", "cache:/x/."], "duplicate mount point: /x"),
        (["-v", "/a:/x", "--mount", "type=tmpfs,dst=/x"], "duplicate mount point: /x"),
        (["-v", "/a:/x", "--tmpfs", "/x"], "duplicate mount point: /x"),
        (["--tmpfs", "x"], "mount point"),
        (["--mount", ""], "not one line of fields"),
        (["--mount", "type=bind,src=/a"], "target is required"),
        (["--mount", "type=bind,dst=/x"], "absolute path"),
        (["--mount", "type=bind,src=a,dst=/x"], "absolute path"),
        (["--mount", "type=bind,src=/a,dst=/x,"], "has to be KEY=VALUE"),
        (["--mount", "type=bind,src=/a,dst=/x,bind-propagation"], "has to be KEY=VALUE"),
        (["--mount", "type=bind, src=/a,dst=/x"], "unexpected key ' src'"),
        (["--mount", 'type=bind,src="/a",dst=/x'], 'a bare "'),
        (["--mount", 'type=bind,"src=/a"b,dst=/x'], "something behind"),
        (["--mount", 'type=bind,"src=/a'], 'a missing "'),
        (["--mount", "type=bind,src=/a,dst=/x,ro=maybe"], "readonly: it takes true or false"),
        (["--mount", "type=bind,src=/a,dst=/x,volume-nocopy"], "volume-nocopy is for type=volume"),
        (["--mount", "type=bind,src=/a,dst=/x,bind-propagation=foo"], "bind-propagation takes"),
        (["--mount", "type=bind,src=/a,dst=/x,bind-recursive=true"], "bind-recursive takes"),
        (["--mount", "type=bind,src=/a,dst=/x,bind-recursive=writable"], "requires readonly"),
        (["--mount", "type=bind,src=/a,dst=/x,ro,bind-recursive=readonly"], "requires bind-propagation=rprivate"),
        (["--mount", "type=tmpfs,src=a,dst=/x"], "a tmpfs has no source"),
        (["--mount", "type=tmpfs,dst=/x,tmpfs-size=x"], "tmpfs-size: it is not a size"),
        (["--mount", "type=tmpfs,dst=/x,tmpfs-mode=9"], "tmpfs-mode is an octal number"),
        (["--mount", "type=volume,dst=/x,volume-subpath=a"], "needs a volume with a name"),
        (["--mount", "type=volume,src=cache,dst=/x,volume-subpath=../a"], "has to stay inside"),
        (["--mount", "type=image,dst=/x"], "needs the image"),
        (["--mount", "type=npipe,src=/a,dst=/x"], "the type 'npipe'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_docker_refuses_is_refused_with_the_reason(words: list[str], reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        keys(*words, "image")
    assert reason in str(refused.value)
