// SPDX-License-Identifier: Apache-2.0
#include "gpu/head.hpp"

#include <algorithm>

namespace troupe::gpu {

Head::Head(const model::ModelConfig& config, Team& team)
    : hidden_(config.hidden_size),
      vocab_(config.vocab_size),
      team_(team),
      selected_(std::size_t{kHeadRows} * hidden_),
      logits_(std::size_t{kHeadRows} * vocab_),
      samplers_(team.size(), Sampler(vocab_)) {}

model::Result<void> Head::run(Forward& forward, const float* x, std::span<HeadRow> rows,
                              const std::atomic<bool>& cancel) {
  for (std::size_t first = 0; first < rows.size(); first += kHeadRows) {
    if (cancel.load(std::memory_order_relaxed))
      return model::Error{model::ErrorCode::cancelled, "step abandoned", ""};
    const auto group = rows.subspan(first, std::min<std::size_t>(kHeadRows, rows.size() - first));
    for (std::size_t i = 0; i < group.size(); ++i) {
      std::copy_n(x + std::size_t{group[i].row} * hidden_, hidden_, selected_.data() + i * hidden_);
    }
    const auto count = static_cast<std::uint32_t>(group.size());
    forward.logits(selected_.data(), count, logits_.data());
    std::atomic<std::uint32_t> broken{count};
    team_.run(count, [&](std::uint32_t i, std::uint32_t worker) {
      const std::span<const float> logits(logits_.data() + std::size_t{i} * vocab_, vocab_);
      if (!finish(group[i], logits, samplers_[worker])) broken.store(i);
    });
    if (broken != count) {
      const HeadRow& row = group[broken];
      return plan_error(row.sequence->start.slot,
                        "the logits for position " + std::to_string(row.position) + " are not finite");
    }
  }
  return {};
}

bool Head::finish(HeadRow& row, std::span<const float> logits, Sampler& sampler) const {
  const model::SequenceStart& start = row.sequence->start;
  const std::span<const model::Token> history(start.tokens);
  auto token = row.sample
                   ? sampler.sample(logits, start.sampling, history.first(row.position), start.prompt_tokens)
                   : sampler.score(logits, history[row.position],
                                   static_cast<std::uint32_t>(start.sampling.prompt_logprobs));
  if (!token) return false;
  row.token = *std::move(token);
  return true;
}

}  // namespace troupe::gpu
