import contextlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from webhooks.delivery.egress import Refused, check_address, check_url
from webhooks.delivery.egress_policy import EgressPolicy

CASES = json.loads((Path(__file__).parent / "ssrf_cases.json").read_text("utf-8"))
STRICT = EgressPolicy()
WITH_HTTP = EgressPolicy.parse(allow_http=True)


def cases(*expected):
    return [
        pytest.param(case["url"], id=f"{case['group']}: {case['why']}")
        for case in CASES
        if case["expect"] in expected
    ]


def refused(url, policy=STRICT):
    with pytest.raises(Refused) as caught:
        check_url(url, policy)
    assert caught.value.message == str(caught.value)
    return caught.value.code


# --- The list ------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [STRICT, WITH_HTTP], ids=["https", "http too"])
@pytest.mark.parametrize("url", cases("reject"))
def test_it_refuses_what_no_partner_may_reach(url, policy):
    assert refused(url, policy)


@pytest.mark.parametrize("policy", [STRICT, WITH_HTTP], ids=["https", "http too"])
@pytest.mark.parametrize("url", cases("accept", "reject-at-connect"))
def test_it_accepts_what_reads_like_a_public_receiver(url, policy):
    check_url(url, policy)


@pytest.mark.parametrize("url", cases("reject-unless-http-allowed"))
def test_it_refuses_plain_http_unless_the_operator_allows_it(url):
    assert refused(url) == "http"
    assert check_url(url, WITH_HTTP).scheme == "http"


def test_it_knows_every_expectation_of_the_list():
    known = {"reject", "accept", "reject-at-connect", "reject-unless-http-allowed"}
    assert {case["expect"] for case in CASES} == known
    assert len(CASES) >= 199


# --- The normal form -----------------------------------------------------------------


def test_it_folds_the_case_of_the_host_and_of_nothing_else():
    target = check_url("HTTPS://HOOKS.Example.COM/Case/Path?Q=%2F", STRICT)
    assert target.host == "hooks.example.com"
    assert target.path == "/Case/Path?Q=%2F"
    assert target.url == "https://hooks.example.com/Case/Path?Q=%2F"


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://example.com:443", "example.com"),
        ("https://example.com:8443", "example.com:8443"),
        ("https://[2606:4700:4700::1111]:8443", "[2606:4700:4700::1111]:8443"),
        ("https://[2606:4700:4700::1111]", "[2606:4700:4700::1111]"),
        ("https://bücher.example.com", "xn--bcher-kva.example.com"),
    ],
)
def test_it_names_the_host_as_the_receiver_expects_it(url, authority):
    target = check_url(url, STRICT)
    assert target.authority == authority
    assert target.url == f"https://{authority}/"


def test_it_keeps_a_query_without_a_path_and_an_empty_one():
    assert check_url("https://example.com?a=b", STRICT).path == "/?a=b"
    assert check_url("https://example.com/?", STRICT).path == "/?"


def test_it_says_whether_the_host_is_an_address():
    assert check_url("https://1.1.1.1/", STRICT).is_address
    assert not check_url("https://one.example.com/", STRICT).is_address


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://[2606:4700:4700:0::1111]/", "host"),
        ("https://[2606:4700:4700::1111/", "host"),
        ("https://example.com./", "host"),
        ("https://a_b.example.com/", "host"),
        ("https://\u212aelvin.example.com/", "host"),
        ("https://" + "a" * 64 + ".example.com/", "host"),
        ("https://example.com:/", "port"),
        ("https://example.com:0443/", "port"),
        ("https://example.com:80/", "port"),
        ("https://example.com:6667/", "port"),
        ("https://example.com/naïve", "characters"),
        ("https://example.com/\ud800", "characters"),
        ("https://example.com/%1F", "characters"),
        ("https://exa\r\nmple.com/", "characters"),
        ("https://example.com/#", "fragment"),
        ("https://user:word@example.com/", "userinfo"),
        ("https://example.com/" + "a" * 2029, "length"),
    ],
)
def test_it_refuses_for_a_reason(url, code):
    assert refused(url) == code


def test_it_says_that_a_host_is_percent_encoded():
    with pytest.raises(Refused, match="percent-encoded"):
        check_url("https://127%2e0%2e0%2e1/", STRICT)


def test_it_takes_a_url_of_the_greatest_length():
    check_url("https://example.com/" + "a" * 2028, STRICT)


def test_it_takes_the_default_port_of_each_scheme_only():
    assert check_url("http://example.com/", WITH_HTTP).port == 80
    assert refused("http://example.com:443/", WITH_HTTP) == "port"


# --- What the operator opens ---------------------------------------------------------

PRIVATE = EgressPolicy.parse(
    "127.0.0.0/8, ::1 10.0.0.0/8 localhost my_receiver Hooks.Test"
)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/".replace(":9", ":80"),
        "http://127.8.8.8:8000/",
        "http://[::1]:8000/",
        "https://10.1.2.3:81/",
        "http://localhost:81/",
        "http://LOCALHOST/",
        "http://my_receiver:8000/hook",
        "http://hooks.test/",
    ],
)
def test_it_opens_what_the_allow_list_names_also_by_http(url):
    assert check_url(url, PRIVATE).is_allowed


@pytest.mark.parametrize(
    "url",
    [
        "https://192.168.0.1/",
        "https://example.localhost/",
        "http://example.com/",
        "http://10.0.0.1:22/",
        "http://localhost:6000/",
        "http://localhost:70000/",
        "https://0x7f.0.0.1/",
        "https://127.1/",
    ],
)
def test_it_opens_nothing_else(url):
    assert refused(url, PRIVATE)


def test_it_opens_a_private_network_by_address_but_not_its_names_to_http():
    check_address("10.0.0.1", PRIVATE)
    assert refused("http://inside.example.com/", PRIVATE) == "http"


EVERYTHING = EgressPolicy.parse("0.0.0.0/0 ::/0 localhost", allow_http=True)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
        "::a9fe:a9fe",
        "::ffff:a9fe:a9fe",
        "::ffff:0:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
    ],
)
def test_it_keeps_metadata_closed_whatever_is_allowed(host):
    shown = f"[{host}]" if ":" in host else host
    assert refused(f"http://{shown}/", EVERYTHING) in {"address", "host"}
    with pytest.raises(Refused):
        check_address(host, EVERYTHING, is_allowed=True)


@pytest.mark.parametrize(
    "host", ["metadata.google.internal", "Metadata", "instance-data", "metadata.goog"]
)
def test_it_keeps_metadata_names_closed_whatever_is_allowed(host):
    policy = EgressPolicy(names=frozenset({host.lower()}), allow_http=True)
    assert refused(f"http://{host}/", policy) == "host"


def test_it_opens_every_other_address_when_told_so():
    for address in ("127.0.0.1", "::1", "10.0.0.1", "fd12::1", "1.1.1.1"):
        assert check_address(address, EVERYTHING) == address


def test_it_closes_the_portals_own_addresses_whatever_is_allowed():
    policy = EgressPolicy.parse(
        "0.0.0.0/0", self_addresses="198.41.0.4, 2606:4700::/32"
    )
    assert refused("https://198.41.0.4/", policy) == "address"
    for address in ("198.41.0.4", "2606:4700::1"):
        with pytest.raises(Refused, match="this service itself"):
            check_address(address, policy, is_allowed=True)
    check_address("198.41.0.5", policy)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("10.0.0.1/8", "host bits"),
        ("127.1", "not an address"),
        ("10.0.0.0/33", "not an address"),
        ("2001:db8::g", "not an address"),
        ("https://example.com", "not an address"),
        ("*.example.com", "host name"),
        ("bücher.example.com", "host name"),
        ("-a.example.com", "host name"),
        ("169.254.169.254", "metadata"),
        ("169.254.0.0/17", "metadata"),
        ("fe80::1", "metadata"),
        ("metadata.google.internal", "metadata"),
    ],
)
def test_it_refuses_a_wrong_entry_of_the_allow_list_with_its_text(entry, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        EgressPolicy.parse(["localhost", entry])
    assert repr(entry) in str(caught.value)


def test_it_refuses_a_wrong_address_of_the_portal_itself():
    with pytest.raises(ValueError, match=r"'portal\.example\.com'"):
        EgressPolicy.parse(self_addresses=["portal.example.com"])


def test_it_reads_an_empty_allow_list_as_none():
    assert EgressPolicy.parse("") == EgressPolicy.parse([""]) == EgressPolicy()


# --- Addresses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_it_passes_a_public_address(address):
    assert check_address(address, STRICT) == address


def test_it_returns_an_address_in_its_usual_spelling():
    assert check_address("2606:4700:0:0::1111", STRICT) == "2606:4700::1111"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "127.0.0.1",
        "100.64.0.1",
        "192.0.0.8",
        "192.88.99.1",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2001:db8::1",
        "2620:4f:8000::1",
        "3fff::1",
        "5f00::1",
        "fec0::1",
        "ff02::1",
        "fe80::1%eth0",
        "",
        "127.1",
        "not an address",
    ],
)
def test_it_refuses_an_address_that_is_not_public(address):
    with pytest.raises(Refused) as caught:
        check_address(address, STRICT)
    assert caught.value.code == "address"


# --- One parser ----------------------------------------------------------------------

HOSTS = st.sampled_from(
    [
        "example.com",
        "A.Example.ORG",
        "1.1.1.1",
        "[2606:4700::1]",
        "bücher.example.com",
        "127.0.0.1",
        "xn--bcher-kva.example.com",
        "example.com:8443",
        "localhost:8000",
        "intranet",
    ]
)
# What parsers are known to disagree about.
NASTY = st.one_of(
    st.sampled_from(
        "@:/?#[]\\%&;=+.-_~ \t\r\n\0\x7f\u3002\uff0f\u2044\u212a\xad|<>\"'`{}"
    ),
    st.sampled_from(
        ["%40", "%2f", "%23", "%5c", "%00", "//", "..", "/../", ":80", ":443", "127.1"]
    ),
)
URLS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["https://", "http://", "HTTPS://", "https:/", "//"]),
        st.one_of(NASTY, st.just("")),
        HOSTS,
        st.lists(st.one_of(NASTY, HOSTS, st.text(max_size=4)), max_size=4).map("".join),
        st.sampled_from(["", "/", "/a/b?c=d", "?x", "/%7Ea//b/./c?d=%26&e"]),
    ),
)


@given(url=URLS)
@example(url="https://example.com/?")
@example(url="https://example.com//evil.example.org/..//x?y?z")
@example(url="http://[2606:4700::1]:8080/a:b@c")
def test_it_agrees_with_every_other_parser_about_what_it_accepts(url):
    try:
        target = check_url(url, EVERYTHING)
    except Refused:
        return
    default = {"https": 443, "http": 80}[target.scheme]
    split = urlsplit(target.url)
    assert (split.hostname, split.port or default) == (target.host, target.port)
    assert not split.username
    assert not split.fragment
    sent = URL(target.url, encoded=True)
    assert (sent.raw_host, sent.port) == (target.host, target.port)
    # The partner's own text means the same to a parser that normalises.
    given_text = URL(url)
    assert (given_text.raw_host, given_text.port) == (target.host, target.port)
    assert given_text.user is None
    # And the normal form is a fixed point.
    assert check_url(target.url, EVERYTHING) == target


@given(text=st.text(max_size=60))
def test_it_answers_any_text_with_a_verdict(text):
    for url in (text, f"https://{text}/", f"https://example.com/{text}"):
        with contextlib.suppress(Refused):
            check_url(url, STRICT)
    with contextlib.suppress(Refused):
        check_address(text, STRICT)
    with contextlib.suppress(ValueError):
        EgressPolicy.parse(text)
