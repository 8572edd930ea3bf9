#!/usr/bin/env bash
# Rewrites app/frontend/src/lib/fuse.ts whenever a model or a function of the backend changes. ./dev.sh runs this too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
[ "${1:-}" = --no-setup ] || ./setup.sh

exec .venv/bin/fusewire generate app.backend.main:app -o app/frontend/src/lib/fuse.ts --watch
