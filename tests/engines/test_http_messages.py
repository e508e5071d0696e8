"""Plain HTTP/1.1 messages: which they are, and that h11 agrees on each of them."""

import h11
import pytest

from haat.engines.http.messages import answer_head, request_head

HOST = ("host", "a")


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET", "/", [HOST]),
        ("POST", "/a%20b?c=d", [HOST, ("content-length", "2"), ("accept", "*/*")]),
        ("PUT", "/x", [HOST, ("x-empty", ""), ("x-words", 'two  words; "q"=1\tx'.expandtabs(1))]),
    ],
)
def test_a_plain_request_is_what_h11_would_send(
    method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    asked = h11.Request(method=method, target=target, headers=headers)
    assert request_head(method, target, headers) == h11.Connection(h11.CLIENT).send(asked)


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("HEAD", "/", [HOST]),
        ("CONNECT", "a:1", [HOST]),
        ("GET", "/a b", [HOST]),
        ("GET", "/\r\nx: y", [HOST]),
        ("GET", "/ä", [HOST]),
        ("GET /", "/", [HOST]),
        ("GET", "/ HTTP/1.1\r\nx: y", [HOST]),
        ("GET", "", [HOST]),
        ("GET", "/", [HOST, ("x", "a\r\ny: b")]),
        ("GET", "/", [HOST, ("x", "a\x00")]),
        ("GET", "/", [HOST, ("x", " a")]),
        ("GET", "/", [HOST, ("x", "a ")]),
        ("GET", "/", [HOST, ("x", "ä")]),
        ("GET", "/", [HOST, ("x y", "a")]),
        ("GET", "/", [HOST, ("x:", "a")]),
        ("GET", "/", [HOST, ("x: a\r\ny", "b")]),
        ("GET", "/", [HOST, ("x: a", "b")]),
        ("GET", "/", [HOST, ("x", "a\n")]),
        ("GET", "/", [HOST, ("x\n", "a")]),
        ("GET", "/", [HOST, ("\u212aey", "a")]),
        ("POST", "/", [HOST, ("Transfer-Encoding", "chunked")]),
        ("POST", "/", [HOST, ("content-length", "1"), ("Content-Length", "2")]),
        ("POST", "/", [HOST, ("expect", "100-continue")]),
        ("GET", "/", [HOST, ("Connection", "close")]),
        ("GET", "/", [HOST, ("upgrade", "h2c")]),
    ],
)
def test_an_unusual_request_is_none(
    method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    assert request_head(method, target, headers) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200\r\nContent-Length:2\r\n\r\nok",
        b"HTTP/1.1 503 Not now\r\nX-Word: \t two words \r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 201 Made\r\ncontent-length: 3\r\nconnection: Close\r\n\r\nyes",
        b"HTTP/1.1 404 No\r\ncontent-length: 1\r\nconnection: keep-alive\r\nempty:\r\n\r\n!",
    ],
)
def test_a_plain_answer_is_what_h11_reads(answer: bytes) -> None:
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[HOST]))
    http.send(h11.EndOfMessage())
    http.receive_data(answer)
    told = http.next_event()
    assert isinstance(told, h11.Response)
    found = answer_head(bytearray(answer))
    assert found is not None
    assert found.status == told.status_code
    assert found.headers == {n.decode(): value.decode() for n, value in told.headers}
    body = answer[found.size :]
    assert found.length == len(body)
    if body:
        event = http.next_event()
        assert isinstance(event, h11.Data)
        assert event.data == body
    assert isinstance(http.next_event(), h11.EndOfMessage)
    assert found.closes == (http.our_state is h11.MUST_CLOSE)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 103 Early\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 204 None\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 304 Same\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx: \xff\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: upgrade\r\n\r\nok",
        b"?\r\n\r\n",
    ],
)
def test_an_unusual_answer_is_none(answer: bytes) -> None:
    assert answer_head(bytearray(answer)) is None
