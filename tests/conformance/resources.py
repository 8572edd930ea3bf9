"""What this process uses (Linux)."""

from __future__ import annotations

import os
from pathlib import Path


def rss_bytes() -> int:
    """Memory of this process that is in RAM now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
