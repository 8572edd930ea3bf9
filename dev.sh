#!/usr/bin/env bash
# Sets up what is missing, then runs backend, frontend and watcher until Ctrl-C. PORT chooses another port than 4053.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./setup.sh
source scripts/tools.sh

if [ "${1:-}" = --docker ]; then
  # The containers write fuse.ts into mounted folders: as you.
  DEV_UID=$(id -u) DEV_GID=$(id -g)
  export DEV_UID DEV_GID
  exec docker compose -f docker-compose.dev.yml up --build --remove-orphans
fi

exec .venv/bin/python scripts/dev.py
