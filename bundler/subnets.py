"""The addresses of bundler's own bridge, the same on every machine."""

from ipaddress import IPv4Network, IPv6Network
from typing import Final

IPV4: Final = 4
IPV6: Final = 6

SUBNET: Final = IPv4Network("10.90.0.0/16")  # not one that Docker, podman or libvirt take by default
# Addresses without a meaning to the internet (RFC 4193): `bundl` in ASCII.
SUBNET6: Final = IPv6Network("fd62:756e:646c::/64")
# The half of which no container is given an address without asking; so that of a container that is not up is free.
GIVEN, KEPT = SUBNET.subnets()
# Where the networks of projects are, unless a project is given others: next to it, and below what Kubernetes takes.
OF_PROJECTS: Final = IPv4Network("10.92.0.0/14")
