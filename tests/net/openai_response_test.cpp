// SPDX-License-Identifier: Apache-2.0
#include "net/openai/response.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <cmath>

#include "net/openai/error_body.hpp"
#include "net/openai/json_text.hpp"

namespace troupe::net {
namespace {

namespace json = boost::json;

const ResponseIdentity kIdentity{"chatcmpl-1", 1700000000, "demo", "fp_1"};

json::value parse(const std::string& text) {
  return json::parse(text);
}

TEST(ChatRenderer, AWholeAnswerHasOpenAisShape) {
  Choice choice;
  choice.text = "Hi \"you\"";
  choice.finish = model::FinishReason::stop;
  EXPECT_EQ(parse(ChatRenderer(kIdentity).completion({choice}, {7, 3})), parse(R"({
    "id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"demo","system_fingerprint":"fp_1",
    "choices":[{"index":0,"message":{"role":"assistant","content":"Hi \"you\"","refusal":null},"logprobs":null,
                "finish_reason":"stop"}],
    "usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})"));
}

TEST(ChatRenderer, ChunksHaveOpenAisShape) {
  const ChatRenderer renderer(kIdentity);
  const std::string head =
      R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"demo",
                               "system_fingerprint":"fp_1","choices":[)";
  EXPECT_EQ(
      parse(renderer.role_chunk(1, false)),
      parse(
          head +
          R"({"index":1,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]})"));
  Choice choice;
  choice.text = "a";
  EXPECT_EQ(
      parse(renderer.chunk(choice, true)),
      parse(head +
            R"({"index":0,"delta":{"content":"a"},"logprobs":null,"finish_reason":null}],"usage":null})"));
  choice.finish = model::FinishReason::length;
  EXPECT_EQ(parse(renderer.finish_chunk(choice, false)),
            parse(head + R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]})"));
  EXPECT_EQ(parse(renderer.usage_chunk({1, 2})),
            parse(head + R"(],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})"));
}

TEST(ChatRenderer, HalfACodePointIsShownAsReplacementAndAsBytes) {
  Choice choice;
  choice.scores = {{"\xE2\x82", -0.5F, {{"\xE2\x82", -0.5F}, {"a", -INFINITY}}, true}};
  EXPECT_EQ(parse(ChatRenderer(kIdentity).chunk(choice, false)).at("choices").at(0).at("logprobs"),
            parse(R"({"content":[{"token":"\uFFFD","logprob":-0.5,"bytes":[226,130],"top_logprobs":[
                        {"token":"\uFFFD","logprob":-0.5,"bytes":[226,130]},
                        {"token":"a","logprob":-9999,"bytes":[97]}]}],"refusal":null})"));
}

TEST(CompletionRenderer, ArraysAreThoseThatEvaluationHarnessesRead) {
  Choice choice;
  choice.text = "A\xE2\x82\xACx";
  choice.scores = {{"A", std::nullopt, {}, true},
                   {"\xE2\x82", -1.0F, {{"B", -0.25F}}, true},
                   {"\xAC", -2.0F, {{"\xAC", -2.0F}}, true},
                   {"x", -3.0F, {{"x", -3.0F}, {"y", -4.0F}}, true}};
  choice.finish = model::FinishReason::length;
  EXPECT_EQ(parse(CompletionRenderer(kIdentity).completion({choice}, {3, 1})).at("choices").at(0),
            parse(R"({"index":0,"text":"A\u20ACx","finish_reason":"length","logprobs":{
                "text_offset":[0,1,1,2],
                "token_logprobs":[null,-1,-2,-3],
                "tokens":["A","bytes:\\xe2\\x82","bytes:\\xac","x"],
                "top_logprobs":[null,{"B":-0.25,"bytes:\\xe2\\x82":-1},{"bytes:\\xac":-2},{"x":-3,"y":-4}]}})"));
}

TEST(CompletionRenderer, AStopTextIsVllmsStopReason) {
  const Choice choice{0, "", std::nullopt, 0, model::FinishReason::stop, "\n\n"};
  EXPECT_EQ(parse(CompletionRenderer(kIdentity).chunk(choice, false)).at("choices").at(0).at("stop_reason"),
            "\n\n");
}

TEST(JsonText, IsAlwaysJson) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string out;
    append_json_string(out, std::string("a") + static_cast<char>(byte) + "b");
    EXPECT_TRUE(parse(out).is_string()) << byte;
  }
  std::string out;
  append_json_string(out, "\xF0\x9F\x98\x80 \xE2\x82\xAC \xC3\xA9");
  EXPECT_EQ(parse(out), "\xF0\x9F\x98\x80 \xE2\x82\xAC \xC3\xA9");
}

TEST(JsonText, LogprobsKeepTheirBits) {
  for (const float value : {-0.1F, -1.1754944e-38F, -12.345678F, 0.0F, -1e-7F}) {
    std::string out;
    append_logprob(out, value);
    EXPECT_EQ(static_cast<float>(parse(out).to_number<double>()), value) << out;
  }
}

TEST(ErrorBody, HasOpenAisShapeAndStatus) {
  EXPECT_EQ(parse(render_error({model::ErrorCode::context_length, "too long", "messages"})),
            parse(R"({"error":{"message":"too long","type":"invalid_request_error","param":"messages",
                               "code":"context_length_exceeded"}})"));
  EXPECT_EQ(parse(render_error({model::ErrorCode::invalid_request, "x", ""})).at("error").at("param"),
            json::value());
  EXPECT_EQ(parse(render_error({model::ErrorCode::model_not_found, "x", "model"})).at("error").at("code"),
            "model_not_found");
  EXPECT_EQ(http_status(model::ErrorCode::invalid_request), 400);
  EXPECT_EQ(http_status(model::ErrorCode::context_length), 400);
  EXPECT_EQ(http_status(model::ErrorCode::model_not_found), 404);
  EXPECT_EQ(http_status(model::ErrorCode::overloaded), 429);
  EXPECT_EQ(http_status(model::ErrorCode::unavailable), 503);
}

TEST(Listings, ModelsAreListedAndShown) {
  const ModelCard card{"demo", 5, 2048};
  EXPECT_EQ(parse(render_models({card})),
            parse(R"({"object":"list","data":[{"id":"demo","object":"model","created":5,"owned_by":"troupe",
                      "max_model_len":2048}]})"));
  EXPECT_EQ(parse(render_model(card)).at("id"), "demo");
}

}  // namespace
}  // namespace troupe::net
