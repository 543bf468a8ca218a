"""Addresses, names and ports that no public receiver has.

These are facts of registries, clouds and browsers. The file changes when IANA assigns a
network, a cloud moves its metadata service or browsers close a port (all read 2026-11).
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

# In addition to CLOSED below.
DENIED = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # "this network"; Linux connects 0.0.0.0 to loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

# Most of IPv6 is not allocated, so it is the other way round: only this is public …
GLOBAL_UNICAST = IPv6Network("2000::/3")
# … without these.
DENIED_IN_GLOBAL_UNICAST = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

# These stay closed whatever the allow list says. A cloud's metadata service hands out the
# machine's own credentials. IPv6 addresses that carry an IPv4 address would reach it by
# another spelling, also through an allow list as wide as ::/0.
CLOSED: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(net)
    for net in (
        "169.254.0.0/16",  # AWS, Google, Azure, Oracle, OpenStack, Tencent
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
        "fd00:ec2::/32",  # AWS
        "fd20:ce::254/128",  # Google
        "fe80::/10",
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
    )
)
# The one address of ::/96 that an operator may open.
LOOPBACK_V6 = IPv6Address("::1")

METADATA_NAMES = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.tencentyun.com",
    }
)

# Top-level labels that never lead to a public receiver: reserved by RFC 2606, 6761,
# 6762, 7686, 8375 and 9476 or by ICANN, or common inside companies and clusters.
PRIVATE_SUFFIXES = frozenset(
    {"alt", "arpa", "example", "home", "internal", "invalid", "local", "localhost"}
    | {"consul", "corp", "intranet", "lan", "localdomain", "localdomain6", "mail"}
    | {"onion", "private", "svc", "test"}
)

# Protocols that obey a line hidden in an HTTP request, whoever the receiver is:
# https://fetch.spec.whatwg.org/#port-blocking
BAD_PORTS = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95}
    | {101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143}
    | {161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554}
    | {556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045}
    | {4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)  # fmt: skip
