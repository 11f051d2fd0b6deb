"""/etc/hosts, /etc/hostname, /etc/resolv.conf: what is in them, and where they come from."""

import pytest

from bundler.conversion.mounts.etc_files import generated_files
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs


def lines(text: str, name: str) -> list[str]:
    return generated_files(inputs(text))[name].decode().splitlines()


def sources(text: str) -> dict[str, str]:
    mounts = converted(text)["mounts"]
    return {item["destination"]: item["source"] for item in mounts if item["destination"].startswith("/etc/")}


def test_hosts_has_dockers_lines_then_extra_ones_then_the_containers_own() -> None:
    given = "extra_hosts: ['db:10.0.0.5', 'db=[fd00::5]', cache:10.0.0.6]\nhostname: web1"
    found = lines(given, "hosts")
    assert found[:2] == ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    assert found[6:] == ["10.0.0.5\tdb", "fd00::5\tdb", "10.0.0.6\tcache", "127.0.1.1\tweb1"]


def test_the_full_name_comes_before_the_short_one() -> None:
    assert lines("hostname: web1\ndomainname: example.org", "hosts")[-1] == "127.0.1.1\tweb1.example.org web1"
    assert lines("hostname: web1.example.org", "hosts")[-1] == "127.0.1.1\tweb1.example.org web1"


def test_without_any_network_the_container_has_no_line_of_its_own() -> None:
    assert lines("network_mode: none", "hosts")[-1] == "ff02::2\tip6-allrouters"


def test_the_resolver_knows_what_it_was_told_and_nothing_else() -> None:
    text = "dns: [9.9.9.9, 'fd00::1']\ndns_search: example.org\ndns_opt: [ndots:2, rotate]"
    assert lines(text, "resolv.conf") == [
        "nameserver 9.9.9.9",
        "nameserver fd00::1",
        "search example.org",
        "options ndots:2 rotate",
    ]
    assert lines("{}", "resolv.conf") == []
    assert lines("dns_search: .", "resolv.conf") == []


def test_hosts_and_servers_of_several_files_are_put_together() -> None:
    files = generated_files(inputs("extra_hosts: [a:1.1.1.1]\ndns: 1.1.1.1", "extra_hosts: {b: 2.2.2.2}\ndns: 2.2.2.2"))
    assert b"1.1.1.1\ta\n2.2.2.2\tb\n" in files["hosts"]
    assert files["resolv.conf"] == b"nameserver 1.1.1.1\nnameserver 2.2.2.2\n"


def test_the_machine_is_at_the_address_of_the_bridge_that_connects_the_container() -> None:
    hosts = generated_files(inputs("network_mode: bridge\nextra_hosts: ['up:host-gateway', 'db:10.0.0.5']"))["hosts"]
    assert b"\n10.90.0.1\tup\n10.0.0.5\tdb\n" in hosts


@pytest.mark.parametrize("mode", ["none", "private", "host", "cni"])
def test_the_machine_has_no_address_without_that_bridge(mode: str) -> None:
    with pytest.raises(RequestError, match="host-gateway is an address that a daemon chooses"):
        converted(f"network_mode: {mode}\nextra_hosts: ['up:host-gateway']")


@pytest.mark.parametrize("mode", ["host", "ns:/run/netns/web"])
def test_who_shares_a_network_shares_its_names_unless_given_others(mode: str) -> None:
    assert sources(f"network_mode: {mode}")["/etc/hosts"] == "/etc/hosts"
    given = f"network_mode: {mode}\nextra_hosts: [a:1.1.1.1]\ndns: 1.1.1.1"
    assert sources(given) == {
        path: path.removeprefix("/") for path in ("/etc/resolv.conf", "/etc/hostname", "/etc/hosts")
    }


def test_each_file_can_come_from_somewhere_else() -> None:
    text = "etc_files: {hosts: image, resolv_conf: bind, hostname: /srv/hostname}"
    assert sources(text) == {"/etc/resolv.conf": "/etc/resolv.conf", "/etc/hostname": "/srv/hostname"}
    assert generated_files(inputs(text)) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extra_hosts: ['db']", "is not HOST:IP"),
        ("extra_hosts: {'a b': 1.1.1.1}", "is not a host name"),
        ("dns: example.org", "is not an IP address"),
        ("dns_search: ['a b']", "is not one word"),
        ('dns_opt: ["a\\nnameserver 6.6.6.6"]', "is not one word"),
    ],
)
def test_what_would_break_the_files_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        converted(text)
    assert message in refused.value.what
