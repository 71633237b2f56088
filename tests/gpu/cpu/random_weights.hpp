// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gpu/cpu/isa.hpp"
#include "gpu/cpu/kernels.hpp"
#include "model/weights/model_file.hpp"
#include "tests/gpu/cpu/emulated_tiles.hpp"

namespace troupe::gpu::cpu {

/// A file without a file: a Linear asks it for its name and to drop pages.
class NoFile final : public model::ModelFile {
 public:
  const std::string& path() const override { return path_; }
  const model::TensorView* tensor(std::string_view) const override { return nullptr; }
  const std::vector<model::TensorView>& tensors() const override { return none_; }
  std::optional<std::uint64_t> integer(std::string_view) const override { return {}; }
  std::optional<double> real(std::string_view) const override { return {}; }
  std::optional<bool> boolean(std::string_view) const override { return {}; }
  std::optional<std::string_view> text(std::string_view) const override { return {}; }
  std::vector<std::string_view> texts(std::string_view) const override { return {}; }
  std::vector<std::int64_t> integers(std::string_view) const override { return {}; }
  std::vector<double> reals(std::string_view) const override { return {}; }
  void drop_pages(const model::TensorView&) const override {}

 private:
  std::string path_ = "random";
  std::vector<model::TensorView> none_;
};

/// A tensor with random bits everywhere except in its scales, which are of a trained model's size.
class RandomTensor {
 public:
  RandomTensor(model::TensorType type, std::uint32_t rows, std::uint32_t columns, std::uint32_t seed)
      : random_(seed) {
    view_.name = "random";
    view_.type = type;
    view_.shape = {rows, columns};
    data_.resize(view_.rows() * view_.row_bytes());
    for (std::byte& b : data_) b = static_cast<std::byte>(random_());
    const std::uint32_t bytes = model::block_bytes(type);
    for (std::size_t at = 0; at < data_.size(); at += bytes) set_scales(type, data_.data() + at);
    view_.data = data_.data();
    view_.bytes = data_.size();
  }
  RandomTensor(const RandomTensor&) = delete;
  RandomTensor& operator=(const RandomTensor&) = delete;

  const model::TensorView& view() const { return view_; }
  std::vector<float> expanded() const {
    std::vector<float> out(view_.rows() * view_.columns());
    model::dequantize(view_.type, view_.data, out.size(), out.data());
    return out;
  }

 private:
  /// A half between 2^-7 and 2^-5, of either sign.
  void put_half(std::byte* p) {
    const auto half = static_cast<std::uint16_t>((random_() & 0x87ffU) | 0x2000U);
    std::memcpy(p, &half, sizeof half);
  }
  void set_scales(model::TensorType type, std::byte* block) {
    switch (type) {
      case model::TensorType::f32: {
        const float value = std::normal_distribution<float>(0.0F, 0.05F)(random_);
        std::memcpy(block, &value, sizeof value);
        return;
      }
      case model::TensorType::bf16: {
        const auto value = static_cast<std::uint16_t>((random_() & 0x80ffU) | 0x3c00U);
        std::memcpy(block, &value, sizeof value);
        return;
      }
      case model::TensorType::f16:
      case model::TensorType::q4_0:
      case model::TensorType::q8_0:
        put_half(block);
        return;
      case model::TensorType::q4_1:
      case model::TensorType::q4_k:
        put_half(block);
        put_half(block + 2);
        return;
      case model::TensorType::q6_k:
        put_half(block + 208);
        return;
    }
  }

  std::mt19937 random_;
  std::vector<std::byte> data_;
  model::TensorView view_;
};

inline std::vector<float> random_floats(std::size_t count, std::uint32_t seed, float spread = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

struct NamedKernels {
  const char* name;
  const Kernels* kernels;
};
/// Every set of kernels that this CPU can run, portable first.
inline std::vector<NamedKernels> kernels_to_test() {
  std::vector<NamedKernels> out = {{"portable", &portable_kernels()}};
  if (best_isa() >= Isa::avx2) out.push_back({"avx2", &avx2_kernels()});
  if (best_isa() >= Isa::avx512) {
    out.push_back({"avx512", &avx512_kernels()});
  }
  if (best_isa() >= Isa::avx512 && __builtin_cpu_supports("avx512vbmi")) {
    static const Kernels emulated = emulated_amx_kernels();
    out.push_back({"emulated amx", &emulated});
  }
  if (best_isa() >= Isa::amx) {
    static const Kernels amx = amx_kernels();
    out.push_back({"amx", &amx});
  }
  return out;
}

inline constexpr model::TensorType kAllTypes[] = {
    model::TensorType::q4_0, model::TensorType::q4_1, model::TensorType::q8_0, model::TensorType::q4_k,
    model::TensorType::q6_k, model::TensorType::f32,  model::TensorType::f16,  model::TensorType::bf16};

}  // namespace troupe::gpu::cpu
