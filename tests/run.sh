#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds a preset and runs every test. Ends with ctest's summary and its exit status.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/run.sh [--preset ci|asan|dev|release] [--tidy] [-- CTEST_ARGUMENTS...]

  --preset NAME   what to build and test, ci by default (tests run against build/NAME/troupe)
  --tidy          run clang-tidy over every source file of the preset instead of the tests
  -- ...          given to ctest: tests/run.sh -- -R end_to_end
TEXT
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
preset=ci tidy=0
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset="${2:?--preset needs a name}"; shift 2 ;;
    --tidy) tidy=1; shift ;;
    -h | --help) usage; exit 0 ;;
    --) shift; break ;;
    *) usage >&2; echo "tests/run.sh: unknown option $1" >&2; exit 2 ;;
  esac
done
cd "$root"
readonly build="$root/build/$preset"

started=$SECONDS
step() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - started)); }
sources() { git ls-files -z -- '*.cpp' '*.hpp'; }

# 5 GB of oracle (PyTorch): made once, and again only when the list changes.
install_python() {
  local stamp=.venv/requirements.sha256 now
  now="$(sha256sum <tests/requirements.txt)"
  if [ -f "$stamp" ] && [ "$(<"$stamp")" = "$now" ]; then
    echo '.venv: up to date'
    return
  fi
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/python -m pip --disable-pip-version-check install --no-cache-dir --quiet -r tests/requirements.txt
  echo "$now" >"$stamp"
}

check_format() { sources | xargs -0 clang-format --dry-run --Werror; }

run_tidy() {
  git ls-files -z -- 'actors/*.cpp' 'config/*.cpp' 'gpu/*.cpp' 'model/*.cpp' 'net/*.cpp' 'telemetry/*.cpp' |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet
}

step 'packages'
deploy/install_packages.sh
step "configure $preset"
cmake --preset "$preset" -Wno-dev
if [ "$tidy" -eq 1 ]; then
  step 'clang-tidy'
  run_tidy
  exit 0
fi
step 'demo model'
TROUPE_TEST_MODEL="$(deploy/fetch_model.sh)"
step 'Python packages of the tests'
install_python
step 'format'
check_format
step "build $preset"
NINJA_STATUS='[%f/%t, %es] ' cmake --build --preset "$preset"
step "tests of $preset"
export TROUPE_TEST_MODEL TROUPE_BINARY="$build/troupe"
ctest --preset "$preset" --parallel "$(nproc)" "$@"
