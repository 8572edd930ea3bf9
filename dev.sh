#!/usr/bin/env bash
# Sets up what is missing, then runs backend, frontend and watcher until Ctrl-C. PORT chooses another port than 4053.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./setup.sh
source scripts/tools.sh

exec .venv/bin/python scripts/dev.py
