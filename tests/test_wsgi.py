import io

from portal.wsgi import MAX_CHUNKED, measured


def seen(**environ):
    """What the application finds: its length, and its body read as far as it goes."""
    found = {}

    def application(environ, start_response):
        found["length"] = environ.get("CONTENT_LENGTH")
        found["input"] = environ["wsgi.input"]
        return []

    environ.setdefault("wsgi.input", io.BytesIO(b'{"a": 1}'))
    measured(application)(environ, None)
    return found


def test_it_measures_a_chunked_body():
    found = seen(**{"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True})

    assert found["length"] == "8"
    assert found["input"].read() == b'{"a": 1}'


def test_it_reads_no_more_than_shows_that_it_is_too_long():
    found = seen(
        **{
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
            "wsgi.input": io.BytesIO(b"x" * (MAX_CHUNKED + 10)),
        }
    )

    assert found["length"] == str(MAX_CHUNKED)


def test_it_does_not_touch_a_body_with_a_length():
    body = io.BytesIO(b"12345678")

    found = seen(**{"CONTENT_LENGTH": "3", "wsgi.input": body})

    assert found == {"length": "3", "input": body}
    assert body.tell() == 0


def test_it_does_not_wait_for_a_body_that_may_never_end():
    body = io.BytesIO(b"12345678")

    found = seen(**{"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": body})

    assert found == {"length": None, "input": body}
