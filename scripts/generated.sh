#!/usr/bin/env bash
# Every generated file in the repository, made again; with --check it is only compared.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

.venv/bin/fusewire generate app.backend.main:app -o app/frontend/src/lib/fuse.ts "$@"
for app in snippets features errors stale; do
  .venv/bin/fusewire generate "tests.interop.$app.main:app" -o "tests/interop/$app/fuse.ts" "$@"
done
.venv/bin/fusewire generate tests.ui.main:app -o tests/ui/fuse.ts "$@"
.venv/bin/python -m tests.corpus.document "$@"
