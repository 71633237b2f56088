// SPDX-License-Identifier: Apache-2.0
// The fast path's kernels on the shapes of SmolLM2-135M, as JSON lines: time, bytes and operations per
// second, and their share of what this machine does in the same run: a plain read of memory, and integer
// products from registers. Arguments: threads (default: one per core), then words that select operations.
#include <immintrin.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>

#include "gpu/cpu/attention_job.hpp"
#include "gpu/cpu/multiply.hpp"
#include "gpu/cpu/packed_rows.hpp"
#include "gpu/rope_table.hpp"
#include "gpu/team.hpp"
#include "tests/gpu/cpu/random_weights.hpp"

namespace troupe::gpu::cpu {
namespace {

/// With one thread its processor time, which other programs on the machine do not lengthen; else the wall's.
clockid_t g_clock = CLOCK_MONOTONIC;

double now() {
  timespec t{};
  clock_gettime(g_clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Of as many calls as fit into a third of a second, in seconds. On a machine that others use too, the tenth
/// percentile is what the kernels take and the median what they were given.
struct Timing {
  double median, clean;
};
Timing measure(const std::function<void()>& body) {
  std::vector<double> times;
  body();
  const double end = now() + 0.33;
  while (times.size() < 5 || (now() < end && times.size() < 2000)) {
    const double start = now();
    body();
    times.push_back(now() - start);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() / 10]};
}

struct Machine {
  double read_bytes = 0;  // per second
  double products = 0;    // int16 multiply-adds per second
};

__attribute__((target("avx512f"))) std::int64_t read_lines(const std::byte* p, std::size_t bytes) {
  __m512i sums[4] = {};
  for (std::size_t at = 0; at < bytes; at += 256) {
    _mm_prefetch(reinterpret_cast<const char*>(p + at + 4096), _MM_HINT_T0);
    for (std::size_t i = 0; i < 4; ++i) {
      sums[i] = _mm512_add_epi64(sums[i], _mm512_loadu_si512(p + at + 64 * i));
    }
  }
  std::int64_t lanes[8];
  _mm512_storeu_si512(
      lanes, _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3])));
  return lanes[0] + lanes[5];
}

__attribute__((target("avx512f,avx512vnni"))) std::int32_t multiply_registers(std::uint32_t rounds) {
  __m512i s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{};
  const __m512i x = _mm512_set1_epi32(static_cast<int>(rounds));
  const __m512i y = _mm512_set1_epi32(3);
  for (std::uint32_t i = 0; i < rounds; ++i) {
    s0 = _mm512_dpwssd_epi32(s0, x, y);
    s1 = _mm512_dpwssd_epi32(s1, x, y);
    s2 = _mm512_dpwssd_epi32(s2, x, y);
    s3 = _mm512_dpwssd_epi32(s3, x, y);
    s4 = _mm512_dpwssd_epi32(s4, x, y);
    s5 = _mm512_dpwssd_epi32(s5, x, y);
    s6 = _mm512_dpwssd_epi32(s6, x, y);
    s7 = _mm512_dpwssd_epi32(s7, x, y);
    __asm__ volatile("" : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7));
  }
  const __m512i all = _mm512_add_epi32(_mm512_add_epi32(_mm512_add_epi32(s0, s1), _mm512_add_epi32(s2, s3)),
                                       _mm512_add_epi32(_mm512_add_epi32(s4, s5), _mm512_add_epi32(s6, s7)));
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(all));
}

volatile std::int64_t g_sink;

Machine measure_machine(Team& team) {
  Machine m;
  constexpr std::size_t kPiece = std::size_t{4} << 20;
  constexpr std::uint32_t kPieces = 64;
  const Memory memory(kPiece * kPieces);
  std::memset(memory.as<std::byte>(), 1, kPiece * kPieces);
  const Timing read = measure([&] {
    team.run(kPieces, [&](std::uint32_t piece, std::uint32_t) {
      g_sink = read_lines(memory.data() + piece * kPiece, kPiece);
    });
  });
  m.read_bytes = static_cast<double>(kPiece * kPieces) / read.clean;
  constexpr std::uint32_t kRounds = 100000;
  const Timing vnni = measure([&] {
    team.run(team.size(), [&](std::uint32_t, std::uint32_t) { g_sink = multiply_registers(kRounds); });
  });
  m.products = 8.0 * 32.0 * kRounds * team.size() / vnni.clean;
  std::printf("{\"op\":\"machine\",\"threads\":%u,\"read_GBps\":%.1f,\"int16_GOPS\":%.0f}\n", team.size(),
              m.read_bytes / 1e9, 2 * m.products / 1e9);
  return m;
}

struct LinearShape {
  const char* name;
  model::TensorType type;
  std::uint32_t outputs, inputs;
};
const LinearShape kLinears[] = {
    {"qkv", model::TensorType::q4_1, 960, 576},      {"o", model::TensorType::q4_1, 576, 576},
    {"gate_up", model::TensorType::q4_1, 3072, 576}, {"down", model::TensorType::q4_1, 576, 1536},
    {"head", model::TensorType::q8_0, 49152, 576},   {"q4_k", model::TensorType::q4_k, 2048, 2048},
    {"q6_k", model::TensorType::q6_k, 2048, 2048},   {"f16", model::TensorType::f16, 2048, 576},
};

void bench_linear(const Kernels& kernels, const LinearShape& shape, const Machine& machine, Team& team) {
  const RandomTensor tensor(shape.type, shape.outputs, shape.inputs, 1);
  const model::TensorView* views[] = {&tensor.view()};
  Arena arena;
  std::vector<std::shared_ptr<const Linear>> copies;
  // As many copies as a model has layers: weights come from memory, as they do in a step.
  std::size_t bytes = 0;
  while (bytes < (std::size_t{96} << 20)) {
    copies.push_back(*pack_linear(NoFile(), views, Stacking::concatenate, arena, team));
    bytes += static_cast<const PackedLinear&>(*copies.back()).bytes();
  }
  bytes /= copies.size();
  constexpr std::uint32_t kMostRows = 512;
  const auto x = random_floats(std::size_t{kMostRows} * shape.inputs, 1);
  PackedRows rows(kMostRows, shape.inputs);
  const auto& first = static_cast<const PackedLinear&>(*copies.front());
  std::vector<float> out(std::size_t{kMostRows} * shape.outputs);
  for (const std::uint32_t count : {1U, 4U, 8U, 16U, 64U, 256U, 512U}) {
    rows.begin(count, first);
    team.run(count, [&](std::uint32_t row, std::uint32_t) {
      kernels.emit_floats(x.data() + std::size_t{row} * shape.inputs, shape.inputs,
                          rows.sink(static_cast<std::uint32_t>(row)));
    });
    std::size_t turn = 0;
    const Timing t = measure([&] {
      const auto& weight = static_cast<const PackedLinear&>(*copies[turn++ % copies.size()]);
      multiply(kernels, weight, rows.view(), count, out.data(), Epilogue::store, team);
    });
    const double products = static_cast<double>(count) * shape.outputs * shape.inputs;
    std::printf(
        "{\"op\":\"linear\",\"shape\":\"%s\",\"type\":\"%s\",\"rows\":%u,\"us\":%.1f,\"median_us\":%.1f,"
        "\"GBps\":%.1f,\"of_read\":%.2f,\"GOPS\":%.0f,\"of_int16\":%.2f}\n",
        shape.name, model::to_string(shape.type), count, t.clean * 1e6, t.median * 1e6,
        static_cast<double>(bytes) / t.clean / 1e9, static_cast<double>(bytes) / t.clean / machine.read_bytes,
        2 * products / t.clean / 1e9, products / t.clean / machine.products);
    std::fflush(stdout);
  }
}

void bench_rows(const Kernels& kernels, Team& team) {
  constexpr std::uint32_t kRows = 256;
  Arena arena;
  const RandomTensor down(model::TensorType::q4_1, 16, 1536, 1);
  const model::TensorView* views[] = {&down.view()};
  const auto consumer = *pack_linear(NoFile(), views, Stacking::concatenate, arena, team);
  PackedRows rows(kRows, 1536);
  rows.begin(kRows, static_cast<const PackedLinear&>(*consumer));
  const auto x = random_floats(std::size_t{2} * 1536 * kRows, 1);
  std::vector<float> scratch(1536 + 16);
  const auto line = [&](const char* name, const std::function<void(std::size_t)>& body) {
    const Timing t = measure([&] {
      const FlushDenormals flush;
      for (std::size_t row = 0; row < kRows; ++row) body(row);
    });
    std::printf("{\"op\":\"%s\",\"width\":1536,\"ns_per_row\":%.0f}\n", name, t.clean * 1e9 / kRows);
  };
  line("quantize", [&](std::size_t row) {
    kernels.emit_floats(x.data() + row * 1536, 1536, rows.sink(static_cast<std::uint32_t>(row)));
  });
  line("rms_norm", [&](std::size_t row) {
    kernels.rms_norm(x.data() + row * 1536, x.data(), 1e-5F, 1536, scratch.data(),
                     rows.sink(static_cast<std::uint32_t>(row)));
  });
  line("silu_multiply", [&](std::size_t row) {
    kernels.silu_multiply(x.data() + row * 3072, 1536, scratch.data(),
                          rows.sink(static_cast<std::uint32_t>(row)));
  });
}

void bench_attention(const Kernels& kernels, const Machine& machine, Team& team) {
  const AttentionShape shape = {9, 3, 64, 0.125F};
  constexpr std::uint32_t kPositions = 2048;
  constexpr std::uint32_t kSequences = 64;
  OpLimits limits = {512, kPositions, 576, shape};
  AttentionJob job(kernels, limits, team);
  const std::size_t stride = std::size_t{128} * 3 * 64;
  const Memory memory(kSequences * kPositions / 32 * stride);
  const KvLayer kv = {memory.as<std::byte>(), stride};
  std::vector<model::BlockId> ids(kSequences * kPositions / 32);
  for (std::uint32_t i = 0; i < ids.size(); ++i) ids[i] = i;
  const auto k = random_floats(64, 1);
  for (std::size_t block = 0; block < ids.size(); ++block) {
    for (std::size_t head = 0; head < 3; ++head) {
      std::byte* at = kv.block(ids[block]) + head * 128 * 64;
      for (std::uint32_t t = 0; t < 32; ++t)
        kernels.write_kv(k.data(), k.data(), 64, t, at, at + std::size_t{64} * 64);
    }
  }
  const auto qkv = random_floats(std::size_t{512} * shape.qkv_width(), 2);
  std::vector<float> out(std::size_t{512} * 576);
  struct Case {
    const char* name;
    std::uint32_t sequences, rows, start;
  };
  for (const Case c : {Case{"prefill 512 at 0", 1, 512, 0}, Case{"prefill 512 at 1536", 1, 512, 1536},
                       Case{"decode 1 at 128", 1, 1, 128}, Case{"decode 1 at 2000", 1, 1, 2000},
                       Case{"decode 64 at 128", 64, 1, 128}, Case{"decode 64 at 2000", 64, 1, 2000}}) {
    std::vector<SequenceRows> sequences;
    for (std::uint32_t s = 0; s < c.sequences; ++s) {
      sequences.push_back({s * c.rows, c.rows, c.start, {ids.data() + s * kPositions / 32, kPositions / 32}});
    }
    const Timing t = measure([&] {
      job.run(shape, {c.sequences * c.rows, sequences}, qkv.data(), kv, out.data());
    });
    double tokens = 0;
    for (std::uint32_t r = 0; r < c.rows; ++r) tokens += (c.start + r + 1) * c.sequences;
    const double bytes = static_cast<double>(c.sequences) * (c.start + c.rows) * 2 * 3 * 64 * 2;
    // A float multiply-add in a register of 16 counts like half an int16 one of 32.
    std::printf(
        "{\"op\":\"attention\",\"case\":\"%s\",\"us\":%.1f,\"median_us\":%.1f,\"GFLOPS\":%.0f,"
        "\"of_fma\":%.2f,\"KV_GBps\":%.1f,\"of_read\":%.2f}\n",
        c.name, t.clean * 1e6, t.median * 1e6, tokens * 9 * 64 * 4 / t.clean / 1e9,
        tokens * 9 * 64 * 2 / t.clean / (machine.products / 2), bytes / t.clean / 1e9,
        bytes / t.clean / machine.read_bytes);
  }
}

}  // namespace
}  // namespace troupe::gpu::cpu

int main(int argc, char** argv) {
  using namespace troupe::gpu;
  using namespace troupe::gpu::cpu;
  if (best_isa() < Isa::avx512) {
    std::fprintf(stderr, "this benchmark needs AVX-512 VNNI\n");
    return 1;
  }
  Team team(argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 0);
  if (team.size() == 1) g_clock = CLOCK_THREAD_CPUTIME_ID;
  const auto wanted = [&](const std::string& name) {
    return argc <= 2 || std::any_of(argv + 2, argv + argc, [&](const char* word) { return name == word; });
  };
  const Machine machine = measure_machine(team);
  const Kernels& kernels = avx512_kernels();
  for (const LinearShape& shape : kLinears) {
    if (wanted(shape.name)) bench_linear(kernels, shape, machine, team);
  }
  if (wanted("rows")) bench_rows(kernels, team);
  if (wanted("attention")) bench_attention(kernels, machine, team);
  return 0;
}
