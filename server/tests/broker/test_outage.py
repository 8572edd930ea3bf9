"""Why something is down, in words."""

import pytest
from fusewire.broker.outage import in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionError("Connection closed by server."), "Connection closed by server. (ConnectionError)"),
        (TimeoutError(), "TimeoutError"),
        (OSError("two\n lines"), "two lines (OSError)"),
        (
            ExceptionGroup(
                "unhandled errors in a TaskGroup",
                [
                    TimeoutError("fell silent"),
                    ExceptionGroup("more", [TimeoutError("fell silent"), OSError()]),
                ],
            ),
            "fell silent (TimeoutError); OSError",
        ),
    ],
)
def test_an_error_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words
