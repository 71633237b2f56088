// SPDX-License-Identifier: Apache-2.0
#include "gpu/reference/reference_op_set.hpp"

#include <limits>

#include "gpu/reference/reference_ops.hpp"

namespace troupe::gpu {
namespace {

class ReferenceOpSet final : public OpSet {
 public:
  std::string_view name() const override { return "reference"; }
  std::string contracts() const override {
    return "reference-1: float32 weights, rows and kv; 16 lanes; attention tile 32, split 512";
  }
  model::KvType kv_type() const override { return model::KvType::float32; }

  model::Result<std::shared_ptr<const Linear>> pack(std::shared_ptr<const model::ModelFile> file,
                                                    std::span<const model::TensorView* const> tensors,
                                                    Stacking, Team&) const override {
    std::vector<model::TensorView> stack;
    std::uint64_t outputs = 0;
    for (const model::TensorView* tensor : tensors) {
      outputs += tensor->rows();
      if (tensor->shape.size() != 2 || tensor->columns() != tensors[0]->columns() ||
          tensor->columns() % model::block_weights(tensor->type) != 0 ||
          std::max(outputs, tensor->columns()) > std::numeric_limits<std::uint32_t>::max()) {
        return model::Error{model::ErrorCode::bad_file,
                            "tensor " + tensor->name + " has a shape that the reference path cannot read",
                            file->path() + ":" + std::to_string(tensor->file_offset)};
      }
      stack.push_back(*tensor);
    }
    return std::shared_ptr<const Linear>(std::make_shared<ReferenceLinear>(
        std::move(file), std::move(stack), static_cast<std::uint32_t>(outputs)));
  }

  std::unique_ptr<Ops> make_ops(const OpLimits& limits, Team& team) const override {
    return std::make_unique<ReferenceOps>(limits, team);
  }
};

}  // namespace

std::shared_ptr<const OpSet> make_reference_op_set() {
  return std::make_shared<ReferenceOpSet>();
}

}  // namespace troupe::gpu
