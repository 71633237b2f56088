// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/cpu_op_set.hpp"

#include "gpu/cpu/cpu_ops.hpp"
#include "gpu/cpu/isa.hpp"
#include "gpu/cpu/same_products.hpp"
#include "telemetry/log.hpp"

namespace troupe::gpu {
namespace {

class CpuOpSet final : public OpSet {
 public:
  explicit CpuOpSet(const cpu::Kernels& kernels) : kernels_(kernels) {}

  std::string_view name() const override { return "cpu"; }
  std::string contracts() const override {
    return "cpu-1: rows int16 with a float32 scale, weights in their GGUF groups, int32 per group, one fma "
           "per "
           "group; float weights one fma per input; norms in 16 lanes; kv bfloat16; attention float32, tile "
           "32, "
           "split 512";
  }
  model::KvType kv_type() const override { return model::KvType::bfloat16; }

  model::Result<std::shared_ptr<const Linear>> pack(std::shared_ptr<const model::ModelFile> file,
                                                    std::span<const model::TensorView* const> tensors,
                                                    Stacking stacking, Team& team) const override {
    return cpu::pack_linear(*file, tensors, stacking, *arena_, team);
  }

  std::unique_ptr<Ops> make_ops(const OpLimits& limits, Team& team) const override {
    return std::make_unique<cpu::CpuOps>(kernels_, limits, team);
  }

 private:
  const cpu::Kernels& kernels_;
  std::unique_ptr<cpu::Arena> arena_ = std::make_unique<cpu::Arena>();
};

/// The tiles' kernels once they have shown that they multiply like the vector units, else those.
const cpu::Kernels& checked_amx_kernels() {
  static const cpu::Kernels checked = [] {
    const cpu::Kernels amx = cpu::amx_kernels();
    if (cpu::same_products(amx, cpu::avx512_kernels())) return amx;
    telemetry::log(telemetry::Level::error, "gpu",
                   "AMX gives other products than AVX-512 on this CPU; continuing without AMX");
    return cpu::avx512_kernels();
  }();
  return checked;
}

const cpu::Kernels& kernels_of(cpu::Isa isa) {
  switch (isa) {
    case cpu::Isa::portable:
      return cpu::portable_kernels();
    case cpu::Isa::avx2:
      return cpu::avx2_kernels();
    case cpu::Isa::avx512:
      return cpu::avx512_kernels();
    case cpu::Isa::amx:
      return checked_amx_kernels();
  }
  return cpu::portable_kernels();
}

}  // namespace

model::Result<std::shared_ptr<const OpSet>> make_cpu_op_set(std::string_view isa) {
  const auto chosen = cpu::choose_isa(isa);
  if (!chosen) return chosen.error();
  return std::shared_ptr<const OpSet>(std::make_shared<CpuOpSet>(kernels_of(*chosen)));
}

}  // namespace troupe::gpu
