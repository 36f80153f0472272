# Sourced by ./test: what the tests need beside Rust, installed where it is missing. Debian 12 as root, or a user with
# sudo; anybody else is told what to install.

# Installs the Debian packages given, if any.
install_packages() {
  [ "$#" -gt 0 ] || return 0
  local as=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as=(sudo -n)
    else
      echo "test: please install: $*" >&2
      return 1
    fi
  fi
  command -v apt-get >/dev/null || { echo "test: no apt-get here; please install: $*" >&2; return 1; }
  echo "test: installing $*"
  local attempt
  # Another process may hold the packages, or their server not answer at once.
  for attempt in 1 2 3; do
    if "${as[@]}" apt-get update -qq &&
      "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
      return 0
    fi
    sleep $((10 * attempt))
  done
  echo "test: cannot install: $*" >&2
  return 1
}

# The folder of PostgreSQL's programs, newest first; empty where there is none.
postgres_programs() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
  if [ -z "$found" ] && command -v initdb >/dev/null; then
    found=$(dirname "$(readlink -f "$(command -v initdb)")")
  fi
  printf '%s' "$found"
}

ensure_tools() {
  local missing=()
  command -v cc >/dev/null || missing+=(build-essential)
  [ -n "$(postgres_programs)" ] || missing+=(postgresql)
  command -v python3 >/dev/null || missing+=(python3)
  # Debian keeps the part of venv that makes pip in a package of its own.
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  # A server that lives an hour ago makes tokens that have expired.
  ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing+=(libfaketime)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  command -v chromium >/dev/null || missing+=(chromium)
  install_packages "${missing[@]}"
  command -v cargo >/dev/null || { echo "test: cargo is missing; install Rust (rust-version in Cargo.toml)" >&2; return 1; }
}

# For `./test extended`: Java to run Keycloak, Maven to fetch it.
ensure_java() {
  local missing=()
  command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
  command -v mvn >/dev/null || missing+=(maven)
  install_packages "${missing[@]}"
}

# The clients of others, at the versions pinned in tests/interop; made anew only when the pins change.
ensure_clients() {
  local folder=tests/interop stamp
  stamp=$(cat "$folder/requirements.txt" "$folder/package-lock.json" | cksum)
  [ "$(cat "$folder/.venv/stamp" 2>/dev/null || true)" = "$stamp" ] && [ -d "$folder/node_modules" ] && return 0
  echo "test: installing the clients of tests/interop"
  rm -rf "$folder/.venv"
  python3 -m venv "$folder/.venv"
  "$folder/.venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$folder/requirements.txt"
  (cd "$folder" && npm ci --silent --no-audit --no-fund)
  printf '%s' "$stamp" >"$folder/.venv/stamp"
}

# What tests/browser runs with, at the versions of its lock file; made anew only when that changes.
ensure_browser_packages() {
  local folder=tests/browser stamp
  stamp=$(cksum <"$folder/package-lock.json")
  [ "$(cat "$folder/node_modules/stamp" 2>/dev/null || true)" = "$stamp" ] && return 0
  echo "test: installing the packages of tests/browser"
  (cd "$folder" && npm ci --silent --no-audit --no-fund --ignore-scripts)
  printf '%s' "$stamp" >"$folder/node_modules/stamp"
}

# A free loopback port at this moment.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
