"""What Docker refuses of a value is refused here, with the flag; what it takes in odd spellings is taken."""

from typing import Any

import pytest

from bundler.errors import RequestError
from tests.overrides.docker_run.lines import keys
from tests.support.messages import tells

REFUSED = {
    "a network that is nothing": (["--network", ""], "empty"),
    "a field of a network without a value": (["--network", "name=web,alias"], "'alias' KEY=VALUE"),
    "a link of three": (["--link", "a:b:c"], "NAME:ALIAS"),
    "a link of none": (["--link", ""], "NAME:ALIAS"),
    "ports that run backwards": (["-p", "90-80:80"], "90-80 port"),
    "a port beyond the last": (["-p", "70000:80"], "70000 port"),
    "devices and a count of them": (["--gpus", '"device=0",count=1'], "count device"),
    "a number of processors in words": (["--cpus", "two"], "number 1.5"),
    "a fraction of a fraction": (["--cpus", "1.5/2"], "number 1.5"),
    "processors divided by nothing": (["--cpus", "1/0"], "number 1.5"),
    "a weight that is none": (["--blkio-weight-device", "/dev/sda:much"], "weight number"),
    "a rate that is none": (["--device-read-iops", "/dev/sda:fast"], "rate number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_that_docker_refuses_is_refused_with_its_flag(case: str) -> None:
    words, says = REFUSED[case]
    with pytest.raises(RequestError) as refused:
        keys(*words, "image")
    assert tells(refused.value.what, words[0] if words[0].startswith("--") else "", says)


TAKEN: dict[str, tuple[list[str], dict[str, Any]]] = {
    "a fraction": (["--cpus", "3/2"], {"cpus": "1.5"}),
    "a point at the end": (["--cpus", "2."], {"cpus": "2"}),
    "another system's digits": (["--cpus", "0x2"], {"cpus": "2"}),
    "an address of the link": (
        ["--network", "name=web,link-local-ip=169.254.1.2,link-local-ip=fe80::2"],
        {"networks": {"web": {"link_local_ips": ["169.254.1.2", "fe80::2"]}}},
    ),
    "no domains to search": (["--dns-search", "."], {"dns_search": ["."]}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_value_in_an_odd_spelling_is_taken(case: str) -> None:
    words, meant = TAKEN[case]
    assert keys(*words, "image") == {"image": "image"} | meant
