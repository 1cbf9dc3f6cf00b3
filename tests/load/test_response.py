import pytest

from seatrial.load.response import MAX_HEADER, Response, ResponseError

SIMPLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"

WHOLE = {
    "length": (SIMPLE, 200, True),
    "chunked": (CHUNKED, 200, True),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, True),
    "not modified, with the length that it would have": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        304,
        True,
    ),
    "close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, False),
    "HTTP/1.0 kept alive": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, True),
    "interim ones before": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SIMPLE,
        200,
        True,
    ),
    "server error": (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", 503, True),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", 302, True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_is_complete_with_its_last_byte_however_it_is_cut(name: str) -> None:
    data, status, reusable = WHOLE[name]
    for cut in range(1, len(data)):
        response = Response()
        response.feed(data[:cut])
        assert not response.complete
        response.feed(data[cut:])
        assert (response.complete, response.status, response.reusable, response.size) == (
            True,
            status,
            reusable,
            len(data),
        )


def test_the_same_reader_reads_one_after_the_other() -> None:
    response = Response()
    for data in (SIMPLE, CHUNKED, SIMPLE):
        response.feed(data)
        assert response.complete
        assert response.size == len(data)
        response.restart()
        assert not response.complete


def test_the_answer_to_a_head_has_no_body() -> None:
    for headers in (b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""):
        response = Response(head=True)
        response.feed(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n")
        assert (response.complete, response.status, response.reusable) == (True, 200, True)


def test_a_head_answered_with_a_body_leaves_the_connection_unusable() -> None:
    response = Response(head=True)
    response.feed(SIMPLE)
    assert (response.complete, response.reusable) == (True, False)


def test_a_head_on_a_connection_that_closes() -> None:
    response = Response(head=True)
    response.feed(b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n")
    assert (response.complete, response.reusable) == (True, False)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    response = Response()
    response.feed(b"HTTP/1.1 200 OK\r\n\r\nsome")
    assert not response.complete
    assert response.end()
    assert (response.status, response.reusable) == (200, False)


@pytest.mark.parametrize("data", [SIMPLE[:-1], CHUNKED[:-1], SIMPLE[:30], b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_the_end_of_the_connection_does_not_complete_half_an_answer(data: bytes) -> None:
    response = Response()
    response.feed(data)
    assert not response.end()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00",
        b"<html>no status line</html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-hex\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwhatever",
        b"HTTP/1.1 200 OK\r\n\0: x\r\n\r\n",
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ResponseError):
        Response().feed(data)


@pytest.mark.parametrize("size", [10, 1000, 1_000_000])
def test_headers_that_do_not_end_are_refused(size: int) -> None:
    response = Response()
    response.feed(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range((MAX_HEADER - 100) // size):
        response.feed(b"x" * size)
    with pytest.raises(ResponseError, match=f"more than {MAX_HEADER} bytes"):
        response.feed(b"x" * (size + 200))


def test_a_long_body_is_no_long_header() -> None:
    response = Response()
    response.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000)
    response.feed(b"x" * 700_000)
    assert response.complete


def test_more_than_was_asked_for_is_no_answer() -> None:
    for more in (SIMPLE, b"garbage"):
        with pytest.raises(ResponseError):
            Response().feed(SIMPLE + more)


def test_a_header_block_tells_the_length_of_the_answer() -> None:
    response = Response()
    response.feed(SIMPLE)
    assert response.repeatable(SIMPLE) == SIMPLE[:-5]


@pytest.mark.parametrize("data", [CHUNKED, WHOLE["close"][0], WHOLE["interim ones before"][0], WHOLE["no body"][0]])
def test_where_it_does_not_it_is_not_remembered(data: bytes) -> None:
    response = Response()
    response.feed(data)
    assert response.complete
    assert response.repeatable(data) is None


def test_the_last_chunk_alone_is_not_remembered() -> None:
    response = Response()
    response.feed(SIMPLE[:10])
    response.feed(SIMPLE[10:])
    assert response.repeatable(SIMPLE[10:]) is None
