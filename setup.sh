#!/usr/bin/env bash
# Prepares a fresh clone: Python and npm packages, the built client, .env, the database, the generated fuse.ts. Safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/tools.sh

uv sync --locked --quiet --python "$python"

# npm ci starts from nothing each time, so it only runs when the lock file is not the one that was installed.
if ! cmp -s package-lock.json node_modules/.fusewire-lock; then
  npm ci --no-fund --no-audit --loglevel=error
  cp package-lock.json node_modules/.fusewire-lock
fi

if ! [ -f client-ts/dist/.built ] || [ -n "$(find client-ts/src client-ts/package.json client-ts/tsconfig*.json -newer client-ts/dist/.built)" ]; then
  npm run --silent build --workspace @fusewire/client
  touch client-ts/dist/.built
fi

[ -f .env ] || .venv/bin/python scripts/make_env.py .env.example .env

.venv/bin/alembic -c app/alembic.ini upgrade head

if ! [ -f app/frontend/src/lib/fuse.ts ]; then
  .venv/bin/fusewire generate app.backend.main:app -o app/frontend/src/lib/fuse.ts
fi
