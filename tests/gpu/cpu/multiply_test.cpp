// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/multiply.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "gpu/cpu/packed_rows.hpp"
#include "gpu/team.hpp"
#include "tests/gpu/cpu/random_weights.hpp"

namespace troupe::gpu::cpu {
namespace {

std::shared_ptr<const PackedLinear> pack(std::span<const model::TensorView* const> tensors,
                                         Stacking stacking = Stacking::concatenate) {
  Team team(1);
  Arena arena;
  auto packed = pack_linear(NoFile(), tensors, stacking, arena, team);
  EXPECT_TRUE(packed) << packed.error().message;
  return std::dynamic_pointer_cast<const PackedLinear>(*packed);
}

/// x W^T of `count` rows of x as one set of kernels computes it.
std::vector<float> product(const Kernels& kernels, const PackedLinear& weight, const float* x,
                           std::uint32_t count, std::uint32_t threads = 1) {
  Team team(threads);
  PackedRows rows(count, weight.inputs());
  rows.begin(count, weight);
  team.run(count, [&](std::uint32_t row, std::uint32_t) {
    kernels.emit_floats(x + std::size_t{row} * weight.inputs(), weight.inputs(), rows.sink(row));
  });
  std::vector<float> out(std::size_t{count} * weight.outputs(), NAN);
  multiply(kernels, weight, rows.view(), count, out.data(), Epilogue::store, team);
  return out;
}

struct Shape {
  std::uint32_t outputs, inputs;
};

/// Shapes that leave remainders: of 16 outputs, of a chunk of 64 inputs.
std::vector<Shape> shapes_for(model::TensorType type) {
  if (model::block_weights(type) == 256) return {{16, 256}, {37, 512}};
  if (model::block_weights(type) == 32) return {{16, 32}, {64, 64}, {37, 96}, {83, 576}};
  return {{16, 16}, {37, 7}, {83, 100}};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class MultiplyTest : public testing::TestWithParam<model::TensorType> {};

TEST_P(MultiplyTest, EveryInstructionSetGivesTheSameBits) {
  for (const Shape shape : shapes_for(GetParam())) {
    const RandomTensor tensor(GetParam(), shape.outputs, shape.inputs, 1);
    const model::TensorView* views[] = {&tensor.view()};
    const auto weight = pack(views);
    for (const std::uint32_t count : {1, 2, 3, 7, 8, 9, 16, 17, 64, 100}) {
      const auto x = random_floats(std::size_t{count} * shape.inputs, count);
      const auto expected = product(portable_kernels(), *weight, x.data(), count);
      for (const auto& [name, kernels] : kernels_to_test()) {
        EXPECT_TRUE(same_bits(expected, product(*kernels, *weight, x.data(), count)))
            << name << ", " << count << " rows of " << shape.inputs << " inputs";
      }
    }
  }
}

TEST_P(MultiplyTest, ARowHasTheSameBitsAloneAndAmongOthersAndOnAnyNumberOfThreads) {
  for (const Shape shape : shapes_for(GetParam())) {
    const RandomTensor tensor(GetParam(), shape.outputs, shape.inputs, 2);
    const model::TensorView* views[] = {&tensor.view()};
    const auto weight = pack(views);
    constexpr std::uint32_t kCount = 100;
    const auto x = random_floats(std::size_t{kCount} * shape.inputs, 3);
    for (const auto& [name, kernels] : kernels_to_test()) {
      const auto together = product(*kernels, *weight, x.data(), kCount);
      EXPECT_TRUE(same_bits(together, product(*kernels, *weight, x.data(), kCount, 3))) << name;
      std::vector<float> alone;
      for (std::uint32_t row = 0; row < kCount; ++row) {
        const auto one = product(*kernels, *weight, x.data() + std::size_t{row} * shape.inputs, 1);
        alone.insert(alone.end(), one.begin(), one.end());
      }
      EXPECT_TRUE(same_bits(together, alone)) << name << ", " << shape.inputs << " inputs";
    }
  }
}

TEST_P(MultiplyTest, TheProductIsThatOfTheWeightsUpToTheRoundingOfTheActivations) {
  for (const Shape shape : shapes_for(GetParam())) {
    const RandomTensor tensor(GetParam(), shape.outputs, shape.inputs, 4);
    const model::TensorView* views[] = {&tensor.view()};
    const auto weight = pack(views);
    const auto w = tensor.expanded();
    constexpr std::uint32_t kCount = 5;
    const auto x = random_floats(std::size_t{kCount} * shape.inputs, 5);
    const auto actual = product(*kernels_to_test().back().kernels, *weight, x.data(), kCount);
    for (std::size_t row = 0; row < kCount; ++row) {
      const float* xs = x.data() + row * shape.inputs;
      double largest = 0;
      for (std::size_t k = 0; k < shape.inputs; ++k) largest = std::max<double>(largest, std::fabs(xs[k]));
      for (std::size_t n = 0; n < shape.outputs; ++n) {
        double expected = 0;
        double bound = 1e-30;
        for (std::size_t k = 0; k < shape.inputs; ++k) {
          const double weight_k = w[n * shape.inputs + k];
          expected += weight_k * xs[k];
          bound += std::fabs(weight_k) * (largest * 0.501 / kLargestInteger + std::fabs(xs[k]) * 2e-6);
        }
        ASSERT_NEAR(actual[row * shape.outputs + n], expected, bound)
            << shape.inputs << " inputs, output " << n;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, MultiplyTest, testing::ValuesIn(kAllTypes),
                         [](const auto& type) { return std::string(model::to_string(type.param)); });

TEST(MultiplyStackedTest, ConcatenatedTensorsOfDifferentTypesKeepTheirColumns) {
  const RandomTensor q(model::TensorType::q4_k, 40, 256, 1);
  const RandomTensor k(model::TensorType::bf16, 17, 256, 2);
  const RandomTensor v(model::TensorType::q6_k, 16, 256, 3);
  const model::TensorView* all[] = {&q.view(), &k.view(), &v.view()};
  const auto stacked = pack(all);
  ASSERT_EQ(stacked->outputs(), 73U);
  const auto x = random_floats(std::size_t{2} * 256, 1);
  const auto& kernels = *kernels_to_test().back().kernels;
  const auto actual = product(kernels, *stacked, x.data(), 2);
  std::size_t column = 0;
  for (const model::TensorView* view : all) {
    const model::TensorView* single[] = {view};
    const auto part = product(kernels, *pack(single), x.data(), 2);
    for (std::size_t row = 0; row < 2; ++row) {
      for (std::size_t n = 0; n < view->rows(); ++n) {
        ASSERT_EQ(actual[row * 73 + column + n], part[row * view->rows() + n]) << view->rows() << " " << n;
      }
    }
    column += view->rows();
  }
}

TEST(MultiplyStackedTest, GateAndUpAlternateInTilesAndARemainderStaysInside) {
  const RandomTensor gate(model::TensorType::q4_1, 37, 64, 1);
  const RandomTensor up(model::TensorType::q8_0, 37, 64, 2);
  const model::TensorView* both[] = {&gate.view(), &up.view()};
  const model::TensorView* only_gate[] = {&gate.view()};
  const model::TensorView* only_up[] = {&up.view()};
  const auto x = random_floats(64, 1);
  const auto& kernels = *kernels_to_test().back().kernels;
  const auto actual = product(kernels, *pack(both, Stacking::gate_and_up), x.data(), 1);
  const auto gates = product(kernels, *pack(only_gate), x.data(), 1);
  const auto ups = product(kernels, *pack(only_up), x.data(), 1);
  for (std::uint32_t i = 0; i < 37; ++i) {
    EXPECT_EQ(actual[gate_column(i, 37)], gates[i]) << i;
    EXPECT_EQ(actual[up_column(i, 37)], ups[i]) << i;
  }
}

TEST(MultiplyStackedTest, AddAddsToWhatIsThere) {
  const RandomTensor tensor(model::TensorType::q4_0, 37, 64, 1);
  const model::TensorView* views[] = {&tensor.view()};
  const auto weight = pack(views);
  const auto x = random_floats(64, 1);
  for (const auto& [name, kernels] : kernels_to_test()) {
    const auto stored = product(*kernels, *weight, x.data(), 1);
    Team team(1);
    PackedRows rows(1, 64);
    rows.begin(1, *weight);
    kernels->emit_floats(x.data(), 64, rows.sink(0));
    std::vector<float> out(37, 0.5F);
    multiply(*kernels, *weight, rows.view(), 1, out.data(), Epilogue::add, team);
    for (std::size_t n = 0; n < 37; ++n) EXPECT_EQ(out[n], 0.5F + stored[n]) << name;
  }
}

TEST(PackLinearTest, AShapeThatCannotBeReadIsAnErrorThatNamesTheTensor) {
  Team team(1);
  Arena arena;
  const RandomTensor a(model::TensorType::q4_0, 16, 64, 1);
  const RandomTensor b(model::TensorType::q4_0, 16, 96, 1);
  const model::TensorView* views[] = {&a.view(), &b.view()};
  const auto unequal = pack_linear(NoFile(), views, Stacking::concatenate, arena, team);
  ASSERT_FALSE(unequal);
  EXPECT_EQ(unequal.error().code, model::ErrorCode::bad_file);
  EXPECT_NE(unequal.error().message.find("random"), std::string::npos);

  model::TensorView three = a.view();
  three.shape = {2, 8, 64};
  const model::TensorView* cube[] = {&three};
  EXPECT_FALSE(pack_linear(NoFile(), cube, Stacking::concatenate, arena, team));
  const RandomTensor narrow(model::TensorType::q4_0, 15, 64, 1);
  const model::TensorView* uneven[] = {&a.view(), &narrow.view()};
  EXPECT_FALSE(pack_linear(NoFile(), uneven, Stacking::gate_and_up, arena, team));
}

}  // namespace
}  // namespace troupe::gpu::cpu
