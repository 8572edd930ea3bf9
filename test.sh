#!/usr/bin/env bash
# Every check there is, in the order in which they fail fastest. Stops at the first failure. CI runs exactly this.
# --nightly adds what takes long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
steps=0

# step <title> <command...>: one line when it works, the whole output when it does not
step() {
  local title=$1 began=$SECONDS
  shift
  printf '  %-52s' "$title"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    printf 'FAILED\n\n'
    cat "$log"
    printf '\nFAILED: %s (%s)\n' "$title" "$*"
    exit 1
  fi
  steps=$((steps + 1))
  printf '%4d s\n' $((SECONDS - began))
}

step "Setup" ./setup.sh
source scripts/tools.sh
export PATH="$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH" CI="${CI:-1}"

step "Python: lint" ruff check .
step "Python: format" ruff format --check .
step "Python: types" mypy server codegen app benchmarks scripts tests
step "Python: layers" lint-imports
step "TypeScript: lint and format" biome check --error-on-warnings .
step "TypeScript: types, client" npm run --silent typecheck --workspace @fusewire/client
step "TypeScript: types, browser tests" npm run --silent typecheck --workspace fusewire-e2e
step "TypeScript: types, client against Python" tsc --project tests/interop
step "Generated files are up to date" scripts/generated.sh --check
step "Tests of the client" npm run --silent test --workspace @fusewire/client
step "Svelte: production build" npm run --silent build --workspace fusewire-app-frontend
step "Tests in Python" pytest --quiet
step "Tests of the client against Python" vitest run --root tests/interop
step "Pages in Svelte and React, in Chromium" vitest run --root tests/ui
step "Svelte: types" npm run --silent check --workspace fusewire-app-frontend
step "The app in Chromium, under ./dev.sh" npm run --silent test --workspace fusewire-e2e

if [ "${1:-}" = --nightly ]; then
  step "A million inputs for the decoder" python -m tests.conformance.fuzz --inputs 1000000
fi

printf '\nAll %d steps passed in %d s.\n' "$steps" "$SECONDS"
