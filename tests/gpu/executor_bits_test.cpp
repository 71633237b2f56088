// SPDX-License-Identifier: Apache-2.0
// Principle 3: the same sequence gives the same bits, whatever surrounds it. An answer is compared with all
// its log-probabilities, to the bit.

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "tests/gpu/op_sets.hpp"
#include "tests/gpu/step_driver.hpp"
#include "tests/support/tiny_gguf.hpp"

namespace troupe::gpu {
namespace {

/// A file by name: "demo", or the tiny model of a storage type.
std::shared_ptr<const model::ModelFile> file_named(const std::string& name) {
  if (name == "demo") return demo_model_file();
  for (const auto type :
       {model::TensorType::q4_1, model::TensorType::q8_0, model::TensorType::f32, model::TensorType::q6_k}) {
    if (name == model::to_string(type)) return tests::open_tiny_gguf(tests::tiny_gguf_of(type));
  }
  throw std::runtime_error("no file named " + name);
}

std::shared_ptr<const StageWeights> cached_weights(const std::string& op_set, const std::string& file) {
  static std::map<std::string, std::shared_ptr<const StageWeights>> all;
  auto& weights = all[op_set + " " + file];
  if (!weights) weights = weights_of(file_named(file), op_set);
  return weights;
}

/// Prompts of 3 to about 90 tokens; greedy, sampled and penalised ones alternate; all report
/// log-probabilities.
std::vector<TestRequest> make_requests(std::uint32_t count, std::uint32_t new_tokens) {
  std::vector<TestRequest> requests(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    TestRequest& request = requests[i];
    for (std::uint32_t t = 0; t < 3 + (i * 29) % 88; ++t) {
      request.prompt.push_back(static_cast<model::Token>((t * t * 7 + t * 3 + i * 13) % 256));
    }
    request.new_tokens = new_tokens;
    request.arrival = i % 5;
    request.sampling.logprobs = 5;
    request.sampling.prompt_logprobs = i % 4 == 1 ? 3 : -1;
    request.sampling.temperature = i % 3 == 0 ? 0.0F : 0.9F;
    request.sampling.seed = 1000 + i;
    if (i % 3 == 1) request.sampling.top_p = 0.9F;
    if (i % 5 == 2) {
      request.sampling.repetition_penalty = 1.2F;
      request.sampling.frequency_penalty = 0.5F;
    }
  }
  return requests;
}

void expect_same(const TestAnswer& actual, const TestAnswer& expected) {
  EXPECT_EQ(actual.ids(), expected.ids());
  EXPECT_TRUE(actual.tokens == expected.tokens) << "log-probabilities differ";
  EXPECT_TRUE(actual.prompt_scores == expected.prompt_scores) << "prompt scores differ";
}

class ExecutorBits : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  std::shared_ptr<const StageWeights> weights_ =
      cached_weights(std::get<0>(GetParam()), std::get<1>(GetParam()));
  std::uint32_t new_tokens_ = 12;

  StepDriver driver(const DriverOptions& options = {}) const { return StepDriver({weights_}, options); }

  /// Each request alone, in one chunk, on one thread: what all else is compared with.
  std::vector<TestAnswer> alone(const std::vector<TestRequest>& requests) const {
    std::vector<TestAnswer> answers;
    StepDriver one = driver();
    for (const TestRequest& request : requests) answers.push_back(one.run({request})[0]);
    return answers;
  }

  void expect_as_alone(const std::vector<TestRequest>& requests, const DriverOptions& options) const {
    const auto expected = alone(requests);
    const auto actual = driver(options).run(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE("request " + std::to_string(i));
      expect_same(actual[i], expected[i]);
    }
  }
};

TEST_P(ExecutorBits, AreTheSameAloneAndAmongSixteen) {
  expect_as_alone(make_requests(16, new_tokens_), {});
}

TEST_P(ExecutorBits, AreTheSameAloneAndAmongSixtyFour) {
  expect_as_alone(make_requests(64, 6), {});
}

TEST_P(ExecutorBits, AreTheSameForEveryChunkSize) {
  auto requests = make_requests(6, new_tokens_);
  const auto expected = alone(requests);
  for (const std::uint32_t chunk : {1U, 7U, 31U, 32U, 33U, 512U}) {
    SCOPED_TRACE("chunk " + std::to_string(chunk));
    const auto actual = driver({.chunk = chunk}).run(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) expect_same(actual[i], expected[i]);
  }
}

TEST_P(ExecutorBits, AreTheSameAcrossTheSplitOfAttention) {
  TestRequest request = make_requests(1, 4)[0];
  const std::uint32_t length = std::get<1>(GetParam()) == "demo" ? 560 : 1100;
  for (std::uint32_t t = 0; t < length; ++t) {
    request.prompt.push_back(static_cast<model::Token>((t * 31 + t / 7) % 256));
  }
  const auto expected = alone({request});
  for (const std::uint32_t chunk : {1U, 33U, 500U}) {
    SCOPED_TRACE("chunk " + std::to_string(chunk));
    expect_same(driver({.chunk = chunk, .threads = 2}).run({request})[0], expected[0]);
  }
}

TEST_P(ExecutorBits, AreTheSameOnOneTwoAndThreeThreads) {
  const auto requests = make_requests(9, new_tokens_);
  for (const std::uint32_t threads : {2U, 3U}) expect_as_alone(requests, {.chunk = 20, .threads = threads});
}

TEST_P(ExecutorBits, AreTheSameWhenAnAnswerIsReplayedAsPrompt) {
  auto requests = make_requests(6, new_tokens_);
  const auto expected = alone(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto ids = expected[i].ids();
    const std::size_t known = 1 + i * 2;
    requests[i].known.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(known));
    requests[i].new_tokens = new_tokens_ - static_cast<std::uint32_t>(known);
  }
  const auto actual = driver({.chunk = 10}).run(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::vector<model::ScoredToken> rest(
        expected[i].tokens.begin() + static_cast<std::ptrdiff_t>(requests[i].known.size()),
        expected[i].tokens.end());
    EXPECT_TRUE(actual[i].tokens == rest) << "request " << i;
  }
}

TEST_P(ExecutorBits, DoNotDependOnWhatFreeBlocksHold) {
  const auto requests = make_requests(5, new_tokens_);
  const auto clean = driver({.poison = false}).run(requests);
  const auto poisoned = driver({.poison = true}).run(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) expect_same(poisoned[i], clean[i]);
}

TEST_P(ExecutorBits, AreTheSameWithACachedPrefix) {
  TestRequest first = make_requests(1, new_tokens_)[0];
  first.prompt.resize(75, 65);
  TestRequest second = first;
  second.prompt[70] = 66;
  second.sampling.temperature = 0.8F;
  const auto expected = alone({second});

  StepDriver both = driver({.chunk = 40});
  const TestAnswer other = both.run({first})[0];
  second.cached_tokens = 64;
  second.cached_blocks.assign(other.blocks.begin(), other.blocks.begin() + 2);
  expect_same(both.run({second})[0], expected[0]);
}

TEST_P(ExecutorBits, AreTheSameWhenAReplayKeepsPartOfABlock) {
  const TestRequest request = make_requests(4, new_tokens_)[3];
  StepDriver both = driver();
  const TestAnswer expected = both.run({request})[0];
  TestRequest again = request;
  again.cached_tokens = static_cast<std::uint32_t>(request.prompt.size()) - 3;
  again.cached_blocks = expected.blocks;
  expect_same(both.run({again})[0], expected);
}

std::vector<std::shared_ptr<const StageWeights>> cut(const std::string& op_set, const std::string& file) {
  const auto model = file_named(file);
  const std::uint32_t layers = model::read_model_config(*model)->num_hidden_layers;
  std::vector<std::shared_ptr<const StageWeights>> stages;
  for (const LayerRange range : {LayerRange{0, layers / 2}, LayerRange{layers / 2, layers}}) {
    auto weights = load_weights(model, op_set_named(op_set), 1, range);
    if (!weights) throw std::runtime_error(weights.error().message);
    stages.push_back(*std::move(weights));
  }
  return stages;
}

TEST_P(ExecutorBits, AreTheSameWhereverThePipelineIsCut) {
  const auto requests = make_requests(7, new_tokens_);
  const auto expected = alone(requests);
  StepDriver two(cut(std::get<0>(GetParam()), std::get<1>(GetParam())), {.chunk = 25});
  const auto actual = two.run(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) expect_same(actual[i], expected[i]);
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::string, std::string>>& info) {
  return as_test_name(std::get<0>(info.param) + "_" + std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Tiny, ExecutorBits,
                         testing::Combine(testing::ValuesIn(op_set_names()),
                                          testing::Values("Q4_1", "Q8_0", "F32", "Q6_K")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Demo, ExecutorBits, testing::Values(std::tuple{"cpu/auto", "demo"}), name_of);

TEST(InstructionSets, GiveTheSameBits) {
  const auto requests = make_requests(6, 8);
  for (const std::string isa : {"portable", "avx2", "avx512", "amx"}) {
    if (op_set_named("cpu/" + isa) == nullptr) continue;  // this machine lacks it
    for (const std::string file : {"Q4_1", "F32"}) {
      SCOPED_TRACE(isa + " " + file);
      const auto answers = StepDriver({cached_weights("cpu/" + isa, file)}, {.chunk = 20}).run(requests);
      const auto portable = StepDriver({cached_weights("cpu/portable", file)}, {}).run(requests);
      for (std::size_t i = 0; i < requests.size(); ++i) expect_same(answers[i], portable[i]);
    }
  }
}

}  // namespace
}  // namespace troupe::gpu
