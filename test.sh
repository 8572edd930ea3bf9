#!/usr/bin/env bash
# Every check there is. CI runs exactly this. --nightly adds what takes long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

logs=$(mktemp -d)
lanes=()

finish() {
  # Of a run that is told to end nothing is left behind.
  for lane in "${lanes[@]}"; do kill -- "-$lane" 2>/dev/null || true; done
  [ -e "$logs/failures" ] && cat "$logs/failures"
  rm -rf "$logs"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# step <title> <command...>: one line when it works; the whole output, at the end, when it does not. Then no further step begins.
step() {
  local title=$1 began=$SECONDS log
  shift
  [ -e "$logs/failures" ] && exit 1
  log=$(mktemp "$logs/step.XXXXXX")
  if ! "$@" >"$log" 2>&1 </dev/null; then
    printf '  %-52sFAILED\n' "$title"
    { echo && cat "$log" && printf '\nFAILED: %s (%s)\n' "$title" "$*"; } >>"$logs/failures"
    exit 1
  fi
  printf '  %-52s%4d s\n' "$title" $((SECONDS - began))
  echo "$title" >>"$logs/passed"
}

of_python() {
  step "Python: lint" ruff check .
  step "Python: format" ruff format --check .
  step "Python: layers" lint-imports
  step "Python: types" mypy server codegen app benchmarks scripts tests
  step "Tests in Python" pytest --quiet --numprocesses 2 --dist loadfile
}

of_typescript() {
  step "TypeScript: lint and format" biome check --error-on-warnings .
  step "TypeScript: types, client" npm run --silent typecheck --workspace @fusewire/client
  step "TypeScript: types, browser tests" npm run --silent typecheck --workspace fusewire-e2e
  step "TypeScript: types, client against Python" tsc --project tests/interop
  step "Svelte: types" npm run --silent check --workspace fusewire-app-frontend
  step "Tests of the client" npm run --silent test --workspace @fusewire/client
  step "Tests of the client against Python" vitest run --root tests/interop
  step "Pages in Svelte and React, in Chromium" vitest run --root tests/ui
  step "The app in Chromium, under ./dev.sh" npm run --silent test --workspace fusewire-e2e
}

step "Setup" ./setup.sh
source scripts/tools.sh
export PATH="$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH" CI="${CI:-1}"
step "Generated files are up to date" scripts/generated.sh --check
# The tests of production serve it.
step "Svelte: production build" npm run --silent build --workspace fusewire-app-frontend

# Side by side, as much of either is waiting. Each is a process group: so it can be ended whole, and does not ignore Ctrl-C, as
# what a script starts in the background does otherwise, with all that it starts.
set -m
for lane in of_python of_typescript; do
  "$lane" &
  lanes+=($!)
done
for lane in "${lanes[@]}"; do wait "$lane" || true; done
lanes=()
[ -e "$logs/failures" ] && exit 1

if [ "${1:-}" = --nightly ]; then
  step "A million inputs for the decoder" python -m tests.conformance.fuzz --inputs 1000000
  step "A million events, while everything breaks" python -m benchmarks faults --long
fi

printf '\nAll %d steps passed in %d s.\n' "$(wc -l <"$logs/passed")" "$SECONDS"
