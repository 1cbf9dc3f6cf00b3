import pytest

from seatrial.api.exchange import Request
from seatrial.load.envelope import Envelope
from seatrial.load.message import RequestError, render


def wire(**fields: object) -> bytes:
    return render(Request.model_validate(fields), 0, "web:8080").wire


def test_a_plain_get() -> None:
    assert wire() == b"GET / HTTP/1.1\r\nHost: web:8080\r\nUser-Agent: seatrial\r\n\r\n"


def test_json_is_sent_with_its_type_and_length() -> None:
    text = wire(method="POST", path="/orders", json={"sku": "Ä1"})
    head, _, body = text.partition(b"\r\n\r\n")
    assert body == '{"sku":"Ä1"}'.encode()
    assert b"Content-Type: application/json" in head
    assert b"Content-Length: %d" % len(body) in head


def test_an_empty_post_says_that_it_is_empty() -> None:
    assert b"Content-Length: 0\r\n" in wire(method="POST")


def test_own_headers_replace_ours() -> None:
    text = wire(
        method="PUT",
        text="<a/>",
        headers=[{"name": "content-type", "value": "text/xml"}, {"name": "HOST", "value": "other"}],
    )
    assert b"content-type: text/xml\r\n" in text
    assert b"HOST: other\r\n" in text
    assert b"text/plain" not in text
    assert b"web:8080" not in text


def test_a_path_cannot_break_out_of_its_line() -> None:
    assert wire(path="/a b?q=%20ü&x\r\nEvil: 1#part").startswith(
        b"GET /a%20b?q=%20%C3%BC&x%0D%0AEvil:%201 HTTP/1.1\r\n"
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"name": "X", "value": "a\r\nEvil: 1"}, "line break"),
        ({"name": "Content-Length", "value": "7"}, "set by Seatrial"),
        ({"name": "transfer-encoding", "value": "chunked"}, "set by Seatrial"),
    ],
)
def test_headers_that_would_break_the_message_are_refused(header: dict[str, str], message: str) -> None:
    with pytest.raises(RequestError, match=rf"requests\[0\].headers: .*{message}"):
        wire(headers=[header])


@pytest.mark.parametrize(
    ("method", "idempotent"),
    [
        ("GET", True),
        ("HEAD", True),
        ("PUT", True),
        ("DELETE", True),
        ("OPTIONS", True),
        ("POST", False),
        ("PATCH", False),
    ],
)
def test_what_may_be_sent_again(method: str, idempotent: bool) -> None:
    message = render(Request.model_validate({"method": method}), 0, "web")
    assert message.idempotent is idempotent
    assert message.head is (method == "HEAD")


def test_cookies_of_the_server_take_the_place_of_the_users_own() -> None:
    envelope = Envelope("GET", [("cookie", "a=1"), ("X", lambda values: values["x"])], "", host="web")
    assert b"cookie: a=1\r\nX: 2\r\n" in envelope.seal("/", b"", {"x": "2"})
    assert envelope.seal("/", b"", {"x": "2"}, "b=3") == (
        b"GET / HTTP/1.1\r\nHost: web\r\nUser-Agent: seatrial\r\nX: 2\r\nCookie: b=3\r\n\r\n"
    )
    with pytest.raises(RequestError, match="X has a line break"):
        envelope.seal("/", b"", {"x": "2\r\nEvil: 1"})
