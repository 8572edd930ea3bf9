"""What happened in Python, for a test to ask for: `about` and what, in one line each."""

notes: list[str] = []
