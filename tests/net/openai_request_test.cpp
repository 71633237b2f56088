// SPDX-License-Identifier: Apache-2.0
#include "net/openai/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr RequestBounds kBounds{64, 1000, 128};

std::string chat_with(const std::string& fields) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
         (fields.empty() ? "" : "," + fields) + "}";
}
std::string completion_with(const std::string& fields) {
  return R"({"model":"m","prompt":"hi")" + (fields.empty() ? "" : "," + fields) + "}";
}
model::Error chat_error(const std::string& body) {
  const auto request = parse_chat_request(body, kBounds);
  return request ? model::Error{model::ErrorCode::internal, "was accepted", ""} : request.error();
}
model::Error completion_error(const std::string& body) {
  const auto request = parse_completion_request(body, kBounds);
  return request ? model::Error{model::ErrorCode::internal, "was accepted", ""} : request.error();
}

TEST(ChatRequest, DefaultsAreOpenAis) {
  const auto request = parse_chat_request(chat_with(""), kBounds);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->options.model, "m");
  EXPECT_FALSE(request->options.stream);
  EXPECT_EQ(request->options.n, 1U);
  EXPECT_EQ(request->options.sampling, model::SamplingParams{});
  EXPECT_FALSE(request->options.max_tokens);
  EXPECT_FALSE(request->options.seed);
  EXPECT_THAT(request->messages, ElementsAre(model::ChatMessage{"user", "hi"}));
}

TEST(ChatRequest, ReadsEveryField) {
  const auto good = parse_chat_request(
      chat_with(R"("stream":true,"stream_options":{"include_usage":true},"n":3,"temperature":0.5,"top_p":0.25,
                   "top_k":40,"min_p":0.125,"repetition_penalty":1.5,"presence_penalty":-1,"frequency_penalty":2,
                   "seed":-5,"stop":["a","b"],"stop_token_ids":[7,8],"ignore_eos":true,"logprobs":true,
                   "top_logprobs":5,"logit_bias":{"9":-100,"10":0.5},"max_tokens":5,"max_completion_tokens":6,
                   "user":"u","store":true,"metadata":{},"response_format":{"type":"text"},"tools":[])"),
      kBounds);
  ASSERT_TRUE(good) << good.error().message;
  const auto& options = good->options;
  EXPECT_TRUE(options.stream && options.include_usage && options.ignore_eos);
  EXPECT_EQ(options.n, 3U);
  EXPECT_EQ(options.max_tokens, 6U);
  EXPECT_EQ(options.seed, static_cast<std::uint64_t>(-5));
  EXPECT_THAT(options.stop, ElementsAre("a", "b"));
  EXPECT_THAT(options.stop_token_ids, ElementsAre(7, 8));
  const auto& sampling = options.sampling;
  EXPECT_EQ(sampling.temperature, 0.5F);
  EXPECT_EQ(sampling.top_p, 0.25F);
  EXPECT_EQ(sampling.top_k, 40);
  EXPECT_EQ(sampling.min_p, 0.125F);
  EXPECT_EQ(sampling.repetition_penalty, 1.5F);
  EXPECT_EQ(sampling.presence_penalty, -1.0F);
  EXPECT_EQ(sampling.frequency_penalty, 2.0F);
  EXPECT_EQ(sampling.logprobs, 5);
  EXPECT_EQ(sampling.prompt_logprobs, -1);
  EXPECT_THAT(sampling.logit_bias, ElementsAre(Pair(9, -100.0F), Pair(10, 0.5F)));
}

TEST(ChatRequest, NullMeansAbsent) {
  for (const char* name :
       {"temperature", "n", "stop", "seed", "max_tokens", "stream", "logprobs", "tools", "user"}) {
    EXPECT_TRUE(parse_chat_request(chat_with("\"" + std::string(name) + "\":null"), kBounds)) << name;
  }
}

TEST(ChatRequest, TextPartsAreJoinedAndDeveloperIsSystem) {
  const auto request = parse_chat_request(
      R"({"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})",
      kBounds);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_THAT(request->messages, ElementsAre(model::ChatMessage{"system", "a\nb"}));
}

TEST(ChatRequest, BadMessagesNameTheirPlace) {
  const auto at = [](const std::string& messages) {
    return chat_error(R"({"model":"m","messages":)" + messages + "}").param;
  };
  EXPECT_EQ(at("[]"), "messages");
  EXPECT_EQ(at("{}"), "messages");
  EXPECT_EQ(at("[1]"), "messages[0]");
  EXPECT_EQ(at(R"([{"role":"user","content":"a"},{"role":"wizard","content":"b"}])"), "messages[1].role");
  EXPECT_EQ(at(R"([{"content":"a"}])"), "messages[0].role");
  EXPECT_EQ(at(R"([{"role":"user"}])"), "messages[0].content");
  EXPECT_EQ(at(R"([{"role":"user","content":5}])"), "messages[0].content");
  EXPECT_EQ(at(R"([{"role":"user","content":[{"type":"image_url","image_url":{}}]}])"),
            "messages[0].content[0].type");
  EXPECT_EQ(at(R"([{"role":"user","content":[{"type":"text"}]}])"), "messages[0].content[0].text");
  EXPECT_EQ(at(R"([{"role":"user","content":["a"]}])"), "messages[0].content[0]");
  EXPECT_EQ(at(R"([{"role":"assistant","content":"a","tool_calls":[{}]}])"), "messages[0].tool_calls");
}

TEST(CompletionRequest, PromptsComeInFourForms) {
  const auto prompts = [](const std::string& prompt) {
    const auto request = parse_completion_request(R"({"model":"m","prompt":)" + prompt + "}", kBounds);
    return request ? request->prompts : std::vector<PromptInput>{};
  };
  EXPECT_THAT(prompts(R"("a")"), ElementsAre(PromptInput("a")));
  EXPECT_THAT(prompts(R"(["a","b"])"), ElementsAre(PromptInput("a"), PromptInput("b")));
  EXPECT_THAT(prompts("[1,2]"), ElementsAre(PromptInput(std::vector<model::Token>{1, 2})));
  EXPECT_THAT(prompts("[[1],[2,3]]"), ElementsAre(PromptInput(std::vector<model::Token>{1}),
                                                  PromptInput(std::vector<model::Token>{2, 3})));
  for (const char* bad : {"[]", "5", "{}", R"(["a",1])", R"([1,"a"])", "[[1],2]", "[1000]", "[-1]", "[1.5]",
                          "[[1e9]]", "[null]", "[[null]]", "true"}) {
    EXPECT_THAT(prompts(bad), ElementsAre()) << bad;
    EXPECT_THAT(completion_error(R"({"model":"m","prompt":)" + std::string(bad) + "}").param,
                HasSubstr("prompt"))
        << bad;
  }
}

TEST(CompletionRequest, EchoWithLogprobsScoresThePrompt) {
  const auto request =
      parse_completion_request(completion_with(R"("echo":true,"logprobs":1,"max_tokens":0)"), kBounds);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_TRUE(request->echo);
  EXPECT_EQ(request->options.sampling.logprobs, 1);
  EXPECT_EQ(request->options.sampling.prompt_logprobs, 1);
  EXPECT_EQ(request->options.max_tokens, 0U);
  EXPECT_EQ(completion_error(completion_with(R"("max_tokens":0)")).param, "max_tokens");
}

TEST(CompletionRequest, PromptsTimesNIsBounded) {
  EXPECT_EQ(completion_error(R"({"model":"m","prompt":["a","b"],"n":65})").param, "n");
  EXPECT_TRUE(parse_completion_request(R"({"model":"m","prompt":["a","b"],"n":64})", kBounds));
  EXPECT_EQ(completion_error(completion_with(R"("best_of":2)")).param, "best_of");
}

/// Every numeric and enumerated field against values that none of them takes.
TEST(RequestFields, RefuseWhatIsOutOfTheirRange) {
  struct Field {
    const char* name;
    std::vector<const char*> bad;
  };
  const std::vector<const char*> never = {
      "1e308", "-1e308", "9223372036854775807", "\"NaN\"", "\"1\"", "[]", "[1]",
      "{}",    "1e400",  "-9223372036854775808"};
  const std::vector<Field> fields = {
      {"temperature", {"-0.1", "2.1", "true"}},
      {"top_p", {"0", "-1", "1.1"}},
      {"min_p", {"-0.1", "1.1"}},
      {"repetition_penalty", {"0", "2.1"}},
      {"presence_penalty", {"-2.1", "2.1"}},
      {"frequency_penalty", {"-2.1", "2.1"}},
      {"n", {"0", "-1", "129", "1.5", "true"}},
      {"top_k", {"-2", "1.5", "2147483648"}},
      {"max_tokens", {"0", "-1", "1.5", "2147483648"}},
  };
  for (const auto& field : fields) {
    auto values = field.bad;
    values.insert(values.end(), never.begin(), never.end());
    for (const char* value : values) {
      const std::string member = "\"" + std::string(field.name) + "\":" + value;
      for (const auto& error : {chat_error(chat_with(member)), completion_error(completion_with(member))}) {
        EXPECT_EQ(error.code, model::ErrorCode::invalid_request) << member;
        EXPECT_TRUE(error.param == field.name || error.param.empty()) << member << " " << error.param;
      }
    }
  }
}

TEST(RequestFields, RefuseOtherBadValuesByName) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"model", R"("model":5)"},
      {"stream", R"("stream":"yes")"},
      {"stream_options", R"("stream_options":{"include_usage":true})"},
      {"stream_options", R"("stream":true,"stream_options":[])"},
      {"stream_options.include_usage", R"("stream":true,"stream_options":{"include_usage":1})"},
      {"seed", R"("seed":"lucky")"},
      {"seed", R"("seed":1.5)"},
      {"seed", R"("seed":1e30)"},
      {"stop", R"("stop":["a","b","c","d","e"])"},
      {"stop", R"("stop":"")"},
      {"stop", R"("stop":[1])"},
      {"stop", R"("stop":{})"},
      {"stop_token_ids", R"("stop_token_ids":[1000])"},
      {"stop_token_ids", R"("stop_token_ids":5)"},
      {"logit_bias", R"("logit_bias":{"1000":1})"},
      {"logit_bias", R"("logit_bias":{"a":1})"},
      {"logit_bias", R"("logit_bias":{"1":101})"},
      {"logit_bias", R"("logit_bias":[1])"},
      {"top_logprobs", R"("logprobs":true,"top_logprobs":21)"},
      {"top_logprobs", R"("top_logprobs":2)"},
      {"logprobs", R"("logprobs":1)"},
      {"tools", R"("tools":[{"type":"function"}])"},
      {"guided_regex", R"("guided_regex":"a+")"},
      {"response_format", R"("response_format":{"type":"json_object"})"},
      {"response_format", R"("response_format":"text")"},
      {"modalities", R"("modalities":["audio"])"},
  };
  for (const auto& [param, fields] : table) {
    const auto error = chat_error(chat_with(fields));
    EXPECT_EQ(error.param, param) << fields << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr(error.param));
  }
  EXPECT_EQ(chat_error(chat_with("\"stop\":\"" + std::string(257, 'a') + "\"")).param, "stop");
  EXPECT_EQ(chat_error(R"({"messages":[{"role":"user","content":"hi"}]})").param, "model");
}

TEST(RequestFields, AMisspeltNameIsRefusedWithTheRightOne) {
  const auto error = chat_error(chat_with(R"("temprature":0.5)"));
  EXPECT_EQ(error.param, "temprature");
  EXPECT_THAT(error.message, HasSubstr("did you mean \"temperature\""));
  EXPECT_EQ(chat_error(chat_with(R"("max_token":5)")).param, "max_token");
  EXPECT_TRUE(parse_chat_request(chat_with(R"("some_future_field":{"a":[1]},"x":1,"nn":2)"), kBounds));
}

TEST(JsonBody, TellsWhereItStopsBeingJson) {
  EXPECT_THAT(chat_error(R"({"model": "m", )").message, HasSubstr("at byte 15 of 15"));
  EXPECT_THAT(chat_error("{} x").message, HasSubstr("at byte 3"));
  EXPECT_THAT(chat_error("").message, HasSubstr("empty"));
  EXPECT_THAT(chat_error("[]").message, HasSubstr("object"));
  EXPECT_THAT(chat_error("{\"model\":\"\xff\"}").message, HasSubstr("not valid JSON"));
}

TEST(JsonBody, DepthIsLimitedExactly) {
  const auto nested = [](std::size_t depth) {
    return chat_with("\"x\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']'));
  };
  EXPECT_TRUE(parse_chat_request(nested(64), kBounds));
  EXPECT_THAT(chat_error(nested(65)).message, HasSubstr("deeper than 64"));
  EXPECT_THAT(chat_error(std::string(1'000'000, '[')).message, HasSubstr("deeper than 64"));
}

TEST(JsonBody, ManySmallValuesDoNotTakeTheMemory) {
  std::string many = "\"x\":[";
  for (int i = 0; i < 5'000'000; ++i) many += "0,";
  many += "0]";
  EXPECT_THAT(chat_error(chat_with(many)).message, HasSubstr("too many values"));
}

TEST(JsonBody, OfEqualKeysTheLastCounts) {
  const auto request = parse_chat_request(chat_with(R"("n":1,"n":2)"), kBounds);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->options.n, 2U);
}

}  // namespace
}  // namespace troupe::net
