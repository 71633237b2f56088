// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gpu/cpu/attention_job.hpp"
#include "gpu/cpu/cpu_op_set.hpp"
#include "gpu/rope_table.hpp"
#include "gpu/team.hpp"
#include "tests/gpu/cpu/random_weights.hpp"

namespace troupe::gpu::cpu {
namespace {

constexpr float kTheta = 10000.0F;

std::vector<std::string> isas_to_test() {
  std::vector<std::string> out;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (isa <= best_isa()) out.emplace_back(to_string(isa));
  }
  return out;
}

/// One layer's cache whose blocks are all NaN until something writes them; block ids are scattered.
class Cache {
 public:
  Cache(const AttentionShape& shape, std::uint32_t positions)
      : stride_(std::size_t{128} * shape.kv_heads * shape.head_dim),
        ids_((positions + 31) / 32),
        memory_((2 * ids_.size() + 1) * stride_) {
    std::memset(memory_.data(), 0xff, (2 * ids_.size() + 1) * stride_);
    for (std::uint32_t i = 0; i < ids_.size(); ++i) ids_[i] = 2 * i + 1;
    std::reverse(ids_.begin(), ids_.end());
  }
  KvLayer layer() { return {memory_.data(), stride_}; }
  std::span<const model::BlockId> ids() const { return ids_; }

 private:
  std::size_t stride_;
  std::vector<model::BlockId> ids_;
  Memory memory_;
};

struct Run {
  std::string isa = "avx512";
  std::uint32_t threads = 1;
  std::vector<std::uint32_t> chunks;
};

/// Rotation, KV and attention for consecutive positions, cut into steps; the heads' outputs.
std::vector<float> attend(const AttentionShape& shape, const std::vector<float>& qkv, std::uint32_t positions,
                          const Run& run) {
  const auto op_set = make_cpu_op_set(run.isa);
  EXPECT_TRUE(op_set) << op_set.error().message;
  Team team(run.threads);
  OpLimits limits;
  limits.max_rows = positions;
  limits.max_positions = positions;
  limits.max_width = shape.heads * shape.head_dim;
  limits.attention = shape;
  const RopeTable rope(shape.head_dim, positions, kTheta, {});
  Cache cache(shape, positions);
  AttentionJob job(run.isa == "portable" ? portable_kernels()
                   : run.isa == "avx2"   ? avx2_kernels()
                                         : avx512_kernels(),
                   limits, team);
  const auto ops = (*op_set)->make_ops(limits, team);
  std::vector<float> rows = qkv;
  const std::size_t width = shape.qkv_width();
  std::vector<float> out(std::size_t{positions} * shape.heads * shape.head_dim);
  std::uint32_t at = 0;
  for (const std::uint32_t count : run.chunks) {
    const SequenceRows sequence = {0, count, at, cache.ids()};
    const StepRows step = {count, {&sequence, 1}};
    ops->rope_and_write_kv(shape, rope, step, rows.data() + at * width, cache.layer());
    job.run(shape, step, rows.data() + at * width, cache.layer(),
            out.data() + std::size_t{at} * shape.heads * shape.head_dim);
    at += count;
  }
  EXPECT_EQ(at, positions);
  return out;
}

float as_bfloat16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000U;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/// What attention is, in double precision, of keys and values rounded to bfloat16.
std::vector<double> expected_attention(const AttentionShape& shape, const std::vector<float>& qkv,
                                       std::uint32_t positions) {
  const std::size_t width = shape.qkv_width();
  const std::size_t dim = shape.head_dim;
  std::vector<double> rows(qkv.begin(), qkv.end());
  for (std::size_t p = 0; p < positions; ++p) {
    for (std::size_t head = 0; head < shape.heads + shape.kv_heads; ++head) {
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const double angle = static_cast<double>(p) *
                             std::pow(kTheta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
        double& a = rows[p * width + head * dim + 2 * i];
        double& b = rows[p * width + head * dim + 2 * i + 1];
        const double rotated = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = rotated;
      }
    }
    for (std::size_t i = shape.heads * dim; i < width; ++i) {
      rows[p * width + i] = as_bfloat16(static_cast<float>(rows[p * width + i]));
    }
  }
  std::vector<double> out(std::size_t{positions} * shape.heads * dim);
  for (std::size_t p = 0; p < positions; ++p) {
    for (std::size_t head = 0; head < shape.heads; ++head) {
      const double* q = &rows[p * width + head * dim];
      const std::size_t kv = head / (shape.heads / shape.kv_heads);
      std::vector<double> scores(p + 1);
      for (std::size_t t = 0; t <= p; ++t) {
        const double* k = &rows[t * width + (shape.heads + kv) * dim];
        scores[t] = shape.scale * std::inner_product(q, q + dim, k, 0.0);
      }
      const double largest = *std::max_element(scores.begin(), scores.end());
      double sum = 0;
      for (double& s : scores) sum += s = std::exp(s - largest);
      for (std::size_t t = 0; t <= p; ++t) {
        const double* v = &rows[t * width + (shape.heads + shape.kv_heads + kv) * dim];
        for (std::size_t d = 0; d < dim; ++d)
          out[(p * shape.heads + head) * dim + d] += scores[t] / sum * v[d];
      }
    }
  }
  return out;
}

std::vector<std::uint32_t> chunks_of(std::uint32_t size, std::uint32_t positions) {
  std::vector<std::uint32_t> out(positions / size, size);
  if (positions % size != 0) out.push_back(positions % size);
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Case {
  const char* name;
  AttentionShape shape;
  std::uint32_t positions;
};
const Case kCases[] = {
    {"SmolLM2", {9, 3, 64, 0.125F}, 100},
    {"TwoSplits", {2, 1, 32, 0.18F}, 1100},
    {"ManyHeadsOfOneKvHead", {14, 1, 64, 0.125F}, 70},
    {"OneHeadEach", {3, 3, 128, 0.088F}, 40},
    {"OddDimension", {4, 2, 46, 0.15F}, 70},
    {"SmallDimension", {2, 2, 8, 0.35F}, 40},
};

class AttentionTest : public testing::TestWithParam<Case> {
 protected:
  const AttentionShape& shape() const { return GetParam().shape; }
  std::uint32_t positions() const { return GetParam().positions; }
  std::vector<float> qkv() const { return random_floats(std::size_t{positions()} * shape().qkv_width(), 7); }
};

TEST_P(AttentionTest, IsAttentionInDoublePrecision) {
  const auto expected = expected_attention(shape(), qkv(), positions());
  for (const auto& isa : isas_to_test()) {
    const auto actual = attend(shape(), qkv(), positions(), {isa, 1, {positions()}});
    // A key that rounds to the other neighbour in bfloat16 moves its score by up to 2^-9 of a term.
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(actual[i], expected[i], 4e-3) << isa << " " << i;
  }
}

TEST_P(AttentionTest, EveryCutIntoStepsInstructionSetAndNumberOfThreadsGivesTheSameBits) {
  const auto whole = attend(shape(), qkv(), positions(), {"portable", 1, {positions()}});
  for (const auto& isa : isas_to_test()) {
    for (const std::uint32_t chunk : {1, 7, 31, 32, 33, 100000}) {
      for (const std::uint32_t threads : {1, 3}) {
        const auto chunks = chunks_of(std::min(chunk, positions()), positions());
        EXPECT_TRUE(same_bits(whole, attend(shape(), qkv(), positions(), {isa, threads, chunks})))
            << isa << ", steps of " << chunk << ", " << threads << " threads";
      }
    }
  }
}

TEST_P(AttentionTest, AnInfiniteValueOfALaterTokenDoesNotShow) {
  auto rows = qkv();
  const std::uint32_t bad = positions() / 2;
  const auto clean = attend(shape(), rows, positions(), {isas_to_test().back(), 1, {positions()}});
  for (std::size_t i = 0; i < shape().qkv_width(); ++i)
    rows[std::size_t{bad} * shape().qkv_width() + i] = INFINITY;
  const auto poisoned = attend(shape(), rows, positions(), {isas_to_test().back(), 1, {positions()}});
  const std::size_t before = std::size_t{bad} * shape().heads * shape().head_dim;
  EXPECT_EQ(std::memcmp(clean.data(), poisoned.data(), before * sizeof(float)), 0);
  EXPECT_TRUE(std::isnan(poisoned[before]));
}

INSTANTIATE_TEST_SUITE_P(, AttentionTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(AttentionBatchTest, SequencesInOneStepHaveTheBitsTheyHaveAlone) {
  const AttentionShape shape = {9, 3, 64, 0.125F};
  const std::uint32_t counts[] = {1, 40, 1, 7};
  const std::uint32_t starts[] = {33, 0, 600, 95};
  const std::uint32_t total = 49;
  const auto isa = isas_to_test().back();
  const auto op_set = make_cpu_op_set(isa);
  ASSERT_TRUE(op_set);
  Team team(2);
  const OpLimits limits = {total, 640, 576, shape};
  const auto ops = (*op_set)->make_ops(limits, team);
  const RopeTable rope(shape.head_dim, 640, kTheta, {});
  const auto filling = random_floats(std::size_t{640} * shape.qkv_width(), 1);
  const auto fresh = random_floats(std::size_t{total} * shape.qkv_width(), 2);
  // A Linear that asks for floats shows the heads' outputs.
  const RandomTensor identity(model::TensorType::f32, 16, 576, 1);
  const model::TensorView* views[] = {&identity.view()};
  const auto consumer = (*op_set)->pack(std::make_shared<NoFile>(), views, Stacking::concatenate, team);
  ASSERT_TRUE(consumer);
  const auto rows = ops->make_rows(total, 576);

  const auto run = [&](std::span<const SequenceRows> sequences, const KvLayer& kv, std::vector<float> qkv) {
    const StepRows step = {static_cast<std::uint32_t>(qkv.size() / shape.qkv_width()), sequences};
    ops->rope_and_write_kv(shape, rope, step, qkv.data(), kv);
    ops->attention(shape, step, qkv.data(), kv, **consumer, *rows);
    std::vector<float> out(std::size_t{step.count} * 16);
    ops->linear(**consumer, *rows, out.data(), Epilogue::store);
    return out;
  };
  const auto rows_of = [&](const std::vector<float>& all, std::size_t begin, std::size_t count) {
    const float* at = all.data() + begin * shape.qkv_width();
    return std::vector<float>(at, at + count * shape.qkv_width());
  };
  std::vector<std::unique_ptr<Cache>> alone;
  Cache shared(shape, 4 * 640);
  std::vector<SequenceRows> sequences;
  std::vector<float> expected;
  std::uint32_t first = 0;
  for (std::size_t s = 0; s < 4; ++s) {
    alone.push_back(std::make_unique<Cache>(shape, 640));
    const auto ids = shared.ids().subspan(20 * s, 20);
    for (std::uint32_t p = 0; p < starts[s]; ++p) {
      for (const auto& [kv, blocks] :
           {std::pair{alone[s]->layer(), alone[s]->ids()}, std::pair{shared.layer(), ids}}) {
        const SequenceRows one = {0, 1, p, blocks};
        std::vector<float> qkv = rows_of(filling, p, 1);
        ops->rope_and_write_kv(shape, rope, {1, {&one, 1}}, qkv.data(), kv);
      }
    }
    const std::vector<float> qkv = rows_of(fresh, first, counts[s]);
    const SequenceRows one = {0, counts[s], starts[s], alone[s]->ids()};
    const auto out = run({&one, 1}, alone[s]->layer(), qkv);
    expected.insert(expected.end(), out.begin(), out.end());
    sequences.push_back({first, counts[s], starts[s], ids});
    first += counts[s];
  }
  EXPECT_TRUE(same_bits(expected, run(sequences, shared.layer(), fresh)));
}

}  // namespace
}  // namespace troupe::gpu::cpu
