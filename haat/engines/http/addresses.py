"""Which addresses of the internet may be called for somebody who named them.

What a person of outside gives us to call must lead to the public internet, not to our own network,
this machine, or the address where a cloud tells its secrets to those who are inside.
"""

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Written out: what `ipaddress` calls global differs from one Python to the next. IANA's registries
# of special addresses, and one that is a cloud's own though it looks like any other.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",  # this network; Linux takes it for this machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' (CGNAT); Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's WireServer
        "169.254.0.0/16",  # link-local: the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Of IPv6 only what is handed out to hosts is public: neither ::1, ::ffff:10.0.0.1, fc00::/7 nor
# fe80::/10 are in it.
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address as a network without IPv4 writes it


def networks(text: str) -> tuple[Network, ...]:
    """'127.0.0.0/8, ::1' as networks. Raises ValueError."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def may_be_called(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether it is public, or in one of these networks."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:  # the same host by another name
            address = address.ipv4_mapped
        elif address in _NAT64:
            address = IPv4Address(int(address) & 0xFFFF_FFFF)
    if any(address.version == one.version and address in one for one in allowed):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in one for one in _NOT_PUBLIC_4)
    return (
        address.scope_id is None
        and address in _PUBLIC_6
        and not any(address in one for one in _NOT_PUBLIC_6)
    )


def literal(host: str) -> Address | None:
    """The address that a URL's host is, None for a name. Raises ValueError for what only some
    programs take for an address: 127.1, 0x7f.1, 0177.0.0.1, 2130706433.
    """
    if ":" in host:
        return IPv6Address(host)
    last = host.rstrip(".").rpartition(".")[2].lower()
    # As the URL standard says: what ends in a number is an address, whatever else it looks like.
    numeric = last.isdigit() or (last.startswith("0x") and _is_hex(last[2:]))
    return IPv4Address(host) if numeric else None


def _is_hex(text: str) -> bool:
    return all(one in "0123456789abcdef" for one in text)


def checked(found: Sequence[str], allowed: Sequence[Network]) -> list[Address]:
    """What a name led to, if all of it may be called, each once; else nothing. A name that leads
    inside with one of its addresses means no good with the others."""
    addresses = [ip_address(one) for one in dict.fromkeys(found)]
    return addresses if all(may_be_called(one, allowed) for one in addresses) else []
