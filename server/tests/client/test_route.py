"""Where the values of a call over HTTP go."""

from fusewire.client.route import to_http_call


def test_bytes_in_a_path_do_not_divide_it() -> None:
    call = to_http_call("blob", "GET /blobs/{key}", "fields", {"key": b"\xff\xfe/"})
    assert call.path == "/blobs/__4v"
