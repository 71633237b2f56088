// SPDX-License-Identifier: Apache-2.0
// Every operation against the formula in double. What a producer writes is opaque: it is seen through the
// Linear that consumes it.

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "gpu/kv_store.hpp"
#include "gpu/rope_table.hpp"
#include "gpu/team.hpp"
#include "model/random.hpp"
#include "tests/gpu/op_sets.hpp"
#include "tests/support/tiny_gguf.hpp"

namespace troupe::gpu {
namespace {

using Matrix = std::vector<std::vector<double>>;

std::vector<float> random_values(std::size_t count, std::uint32_t stream, float reach) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(2 * model::uniform(42, i, stream) - 1) * reach;
  }
  return values;
}

Matrix as_matrix(const std::vector<float>& values, std::size_t columns) {
  Matrix matrix;
  for (std::size_t i = 0; i < values.size(); i += columns) {
    matrix.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i),
                        values.begin() + static_cast<std::ptrdiff_t>(i + columns));
  }
  return matrix;
}

/// x W^T
Matrix product(const Matrix& x, const Matrix& weight) {
  Matrix result;
  for (const auto& row : x) {
    auto& out = result.emplace_back();
    for (const auto& w : weight) {
      double sum = 0;
      for (std::size_t k = 0; k < row.size(); ++k) sum += row[k] * w[k];
      out.push_back(sum);
    }
  }
  return result;
}

class OpsTest : public testing::TestWithParam<std::tuple<std::string, model::TensorType>> {
 protected:
  OpsTest() {
    const auto config = model::read_model_config(*file_);
    shape_ = {.heads = config->num_attention_heads,
              .kv_heads = config->num_key_value_heads,
              .head_dim = config->head_dim,
              .scale = 0.3F};
    ops_ = op_set_->make_ops(
        {.max_rows = 128, .max_positions = 2048, .max_width = kWidth, .attention = shape_}, team_);
    rows_ = ops_->make_rows(128, kWidth);
  }

  const model::TensorView& tensor(const std::string& name) const { return *file_->tensor(name); }

  Matrix expanded(const std::string& name) const {
    const auto& view = tensor(name);
    std::vector<float> values(view.rows() * view.columns());
    model::dequantize(view.type, view.data, values.size(), values.data());
    return as_matrix(values, view.columns());
  }

  std::shared_ptr<const Linear> pack(std::initializer_list<std::string> names, Stacking stacking) {
    std::vector<const model::TensorView*> tensors;
    for (const auto& name : names) tensors.push_back(&tensor(name));
    auto packed = op_set_->pack(file_, tensors, stacking, team_);
    if (!packed) throw std::runtime_error(packed.error().message);
    return *std::move(packed);
  }

  /// Results of about size 1 must agree to what the precision of the rows allows.
  void expect_near(const std::vector<float>& actual, const Matrix& expected) const {
    const double tolerance = std::get<0>(GetParam()) == "reference" ? 2e-5 : 2e-3;
    std::size_t i = 0;
    double largest = 0;
    for (const auto& row : expected) {
      for (const double value : row) {
        ASSERT_LT(i, actual.size());
        ASSERT_NEAR(static_cast<double>(actual[i]), value, tolerance) << "value " << i;
        largest = std::max(largest, std::fabs(value));
        ++i;
      }
    }
    EXPECT_EQ(i, actual.size());
    EXPECT_GT(largest, 0.3) << "the test's values are too small to mean anything";
  }

  static constexpr std::uint32_t kWidth = 512;
  std::shared_ptr<const model::ModelFile> file_ =
      tests::open_tiny_gguf(tests::tiny_gguf_of(std::get<1>(GetParam())));
  std::shared_ptr<const OpSet> op_set_ = op_set_named(std::get<0>(GetParam()));
  Team team_{2};
  AttentionShape shape_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Rows> rows_;
};

Matrix normed(const Matrix& x, const std::vector<float>& gain, double eps) {
  Matrix result = x;
  for (auto& row : result) {
    double squares = 0;
    for (const double value : row) squares += value * value;
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(row.size()) + eps);
    for (std::size_t k = 0; k < row.size(); ++k) row[k] *= inverse * static_cast<double>(gain[k]);
  }
  return result;
}

TEST_P(OpsTest, NormThenLinearFollowTheFormulas) {
  const auto linear =
      pack({"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"}, Stacking::concatenate);
  Matrix weight;
  for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"}) {
    const Matrix part = expanded(name);
    weight.insert(weight.end(), part.begin(), part.end());
  }
  ASSERT_EQ(linear->outputs(), weight.size());
  for (const std::uint32_t rows : {1U, 3U, 70U}) {
    const auto x = random_values(std::size_t{rows} * linear->inputs(), 1, 5.0F);
    const auto gain = random_values(linear->inputs(), 2, 1.5F);
    std::vector<float> out(std::size_t{rows} * linear->outputs());
    ops_->rms_norm(x.data(), rows, gain.data(), 1e-5F, *linear, *rows_);
    ops_->linear(*linear, *rows_, out.data(), Epilogue::store);
    expect_near(out, product(normed(as_matrix(x, linear->inputs()), gain, 1e-5), weight));
  }
}

TEST_P(OpsTest, TheEpilogueAddsToTheResidual) {
  const auto linear = pack({"blk.1.attn_output.weight"}, Stacking::concatenate);
  const auto x = random_values(std::size_t{5} * linear->inputs(), 1, 1.0F);
  const std::vector<float> gain(linear->inputs(), 1.0F);
  auto out = random_values(std::size_t{5} * linear->outputs(), 3, 1.0F);
  Matrix expected =
      product(normed(as_matrix(x, linear->inputs()), gain, 0.1), expanded("blk.1.attn_output.weight"));
  for (std::size_t r = 0; r < 5; ++r) {
    for (std::size_t n = 0; n < linear->outputs(); ++n) {
      expected[r][n] += static_cast<double>(out[r * linear->outputs() + n]);
    }
  }
  ops_->rms_norm(x.data(), 5, gain.data(), 0.1F, *linear, *rows_);
  ops_->linear(*linear, *rows_, out.data(), Epilogue::add);
  expect_near(out, expected);
}

TEST_P(OpsTest, TheGatedActivationFollowsTheFormula) {
  const auto gate_up = pack({"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"}, Stacking::gate_and_up);
  const auto down = pack({"blk.0.ffn_down.weight"}, Stacking::concatenate);
  const auto x = random_values(std::size_t{9} * gate_up->inputs(), 4, 2.0F);
  const std::vector<float> gain(gate_up->inputs(), 2.0F);
  std::vector<float> inner(std::size_t{9} * gate_up->outputs());
  std::vector<float> out(std::size_t{9} * down->outputs());
  ops_->rms_norm(x.data(), 9, gain.data(), 1e-5F, *gate_up, *rows_);
  ops_->linear(*gate_up, *rows_, inner.data(), Epilogue::store);
  ops_->silu_multiply(inner.data(), 9, *down, *rows_);
  ops_->linear(*down, *rows_, out.data(), Epilogue::store);

  const Matrix in = normed(as_matrix(x, gate_up->inputs()), gain, 1e-5);
  Matrix hidden = product(in, expanded("blk.0.ffn_gate.weight"));
  const Matrix up = product(in, expanded("blk.0.ffn_up.weight"));
  for (std::size_t r = 0; r < hidden.size(); ++r) {
    for (std::size_t k = 0; k < hidden[r].size(); ++k)
      hidden[r][k] *= up[r][k] / (1 + std::exp(-hidden[r][k]));
  }
  expect_near(out, product(hidden, expanded("blk.0.ffn_down.weight")));
}

/// q, k and v of every position, rotated by the definition: pair i of a head turns by position * theta^(-2i /
/// width).
Matrix rotated(const std::vector<float>& qkv, const AttentionShape& shape, double theta) {
  Matrix rows = as_matrix(qkv, shape.qkv_width());
  for (std::size_t position = 0; position < rows.size(); ++position) {
    for (std::uint32_t h = 0; h < shape.heads + shape.kv_heads; ++h) {
      for (std::uint32_t i = 0; i < shape.head_dim / 2; ++i) {
        const double angle = static_cast<double>(position) * std::pow(theta, -2.0 * i / shape.head_dim);
        double& a = rows[position][h * shape.head_dim + 2 * i];
        double& b = rows[position][h * shape.head_dim + 2 * i + 1];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = turned;
      }
    }
  }
  return rows;
}

/// Softmax over all earlier positions, in one pass over everything.
std::vector<double> attended(const Matrix& rows, std::size_t position, const AttentionShape& shape) {
  std::vector<double> out(shape.heads * shape.head_dim);
  const std::size_t keys = std::size_t{shape.heads} * shape.head_dim;
  const std::size_t values = keys + std::size_t{shape.kv_heads} * shape.head_dim;
  for (std::uint32_t h = 0; h < shape.heads; ++h) {
    const std::size_t kv = std::size_t{h / (shape.heads / shape.kv_heads)} * shape.head_dim;
    double total = 0;
    std::vector<double> sum(shape.head_dim);
    for (std::size_t t = 0; t <= position; ++t) {
      double score = 0;
      for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
        score += rows[position][h * shape.head_dim + d] * rows[t][keys + kv + d];
      }
      const double weight = std::exp(score * static_cast<double>(shape.scale));
      total += weight;
      for (std::uint32_t d = 0; d < shape.head_dim; ++d) sum[d] += weight * rows[t][values + kv + d];
    }
    for (std::uint32_t d = 0; d < shape.head_dim; ++d) out[h * shape.head_dim + d] = sum[d] / total;
  }
  return out;
}

TEST_P(OpsTest, RotationAndAttentionFollowTheFormulas) {
  constexpr std::uint32_t kTokens = 1060;  // three splits of 512
  const auto linear = pack({"blk.0.attn_output.weight"}, Stacking::concatenate);
  const RopeTable rope(shape_.head_dim, 2048, 10000.0, {});
  const model::KvPlane plane{shape_.kv_heads, shape_.head_dim};
  const auto store = *KvStore::create({{plane, plane}, op_set_->kv_type()}, 1, 64);
  std::vector<model::BlockId> blocks;
  for (std::uint32_t i = 0; i < 34; ++i) blocks.push_back((i * 5) % 64);

  const auto qkv = random_values(std::size_t{kTokens} * shape_.qkv_width(), 6, 1.0F);
  const Matrix truth = rotated(qkv, shape_, 10000.0);
  for (std::uint32_t start = 0; start < kTokens; start += 100) {
    const std::uint32_t count = std::min(100U, kTokens - start);
    // Two sequences share the step; the other one is a copy of its first tokens in blocks of its own.
    const std::vector<model::BlockId> other{63, 62, 61, 58};
    const SequenceRows sequences[2] = {{.first = 0, .count = count, .start = start, .blocks = blocks},
                                       {.first = count, .count = 20, .start = 0, .blocks = other}};
    const StepRows step{.count = count + 20, .sequences = sequences};
    std::vector<float> rows(qkv.begin() + std::ptrdiff_t{start} * shape_.qkv_width(),
                            qkv.begin() + std::ptrdiff_t{start + count} * shape_.qkv_width());
    rows.insert(rows.end(), qkv.begin(), qkv.begin() + std::ptrdiff_t{20} * shape_.qkv_width());
    ops_->rope_and_write_kv(shape_, rope, step, rows.data(), store->layer(0));
    ops_->attention(shape_, step, rows.data(), store->layer(0), *linear, *rows_);
    std::vector<float> out(std::size_t{step.count} * linear->outputs());
    ops_->linear(*linear, *rows_, out.data(), Epilogue::store);

    Matrix expected;
    for (std::uint32_t i = 0; i < count; ++i) expected.push_back(attended(truth, start + i, shape_));
    for (std::uint32_t i = 0; i < 20; ++i) expected.push_back(attended(truth, i, shape_));
    const Matrix result = product(expected, expanded("blk.0.attn_output.weight"));
    const double tolerance = op_set_->kv_type() == model::KvType::float32 ? 2e-5 : 2e-2;
    for (std::size_t r = 0; r < result.size(); ++r) {
      for (std::size_t n = 0; n < result[r].size(); ++n) {
        ASSERT_NEAR(static_cast<double>(out[r * linear->outputs() + n]), result[r][n], tolerance)
            << "start " << start << " row " << r;
      }
    }
  }
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::string, model::TensorType>>& info) {
  return as_test_name(std::get<0>(info.param) + "_" + model::to_string(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(All, OpsTest,
                         testing::Combine(testing::ValuesIn(op_set_names()),
                                          testing::Values(model::TensorType::f32, model::TensorType::f16,
                                                          model::TensorType::bf16, model::TensorType::q4_0,
                                                          model::TensorType::q4_1, model::TensorType::q8_0,
                                                          model::TensorType::q4_k, model::TensorType::q6_k)),
                         name_of);

TEST(RopeTable, DividesAnglesByTheirFactors) {
  const std::vector<float> factors{1.0F, 8.0F};
  const RopeTable table(4, 10, 100.0, factors);
  EXPECT_EQ(table.cosine(7)[0], static_cast<float>(std::cos(7.0)));
  EXPECT_EQ(table.sine(7)[1], static_cast<float>(std::sin(7.0 * std::pow(100.0, -0.5) / 8.0)));
}

}  // namespace
}  // namespace troupe::gpu
