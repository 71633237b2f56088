// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

#include "net/http/client.hpp"
#include "net/http/sse.hpp"
#include "net/openai/error_body.hpp"
#include "telemetry/log.hpp"
#include "tests/net/raw_client.hpp"

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace json = boost::json;

/// One token per byte; 256 is "<end>", a control token; 257 is bos.
class ByteTokenizer : public model::Tokenizer {
 public:
  ByteTokenizer() {
    for (int i = 0; i < 256; ++i) spellings_.emplace_back(1, static_cast<char>(i));
    spellings_.emplace_back("<end>");
    spellings_.emplace_back("<bos>");
  }
  std::vector<model::Token> encode(std::string_view utf8, bool control) const override {
    std::vector<model::Token> tokens;
    while (!utf8.empty()) {
      const bool end = control && utf8.starts_with("<end>");
      tokens.push_back(end ? 256 : static_cast<unsigned char>(utf8[0]));
      utf8.remove_prefix(end ? 5 : 1);
    }
    return tokens;
  }
  std::string_view bytes(model::Token token) const override {
    return token >= 0 && token < 258 ? std::string_view(spellings_[static_cast<std::size_t>(token)]) : "";
  }
  bool is_special(model::Token token) const override { return token >= 256; }
  std::uint32_t vocabulary_size() const override { return 258; }
  std::optional<model::Token> bos() const override {
    return bos_ ? std::optional<model::Token>(257) : std::nullopt;
  }
  const std::vector<model::Token>& end_tokens() const override { return end_; }
  bool bos_ = false;

 private:
  std::vector<std::string> spellings_;
  std::vector<model::Token> end_{256};
};

class PlainTemplate : public model::ChatTemplate {
 public:
  model::Result<std::vector<model::ChatPiece>> render(const std::vector<model::ChatMessage>& messages,
                                                      bool generation_prompt) const override {
    std::vector<model::ChatPiece> pieces;
    for (const auto& message : messages) pieces.push_back({message.content, false});
    if (generation_prompt) pieces.push_back({"<end>", true});
    return pieces;
  }
};

/// What an ingress would do, scripted: remembers what was opened and lets the test send the events.
class FakePort : public IngressPort {
 public:
  using Script = std::function<void(const model::Request&, AnswerSink&)>;

  void open(model::Request request, std::shared_ptr<AnswerSink> sink) override {
    const std::lock_guard lock(mutex_);
    opened_.push_back(request);
    if (script_) script_(request, *sink);
    sink_ = sink;
  }
  void cancel(const model::RequestId& id) override {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
  }
  IngressStatus status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  model::Request last() const {
    const std::lock_guard lock(mutex_);
    return opened_.empty() ? model::Request{} : opened_.back();
  }
  std::size_t cancels() const {
    const std::lock_guard lock(mutex_);
    return cancelled_.size();
  }
  std::shared_ptr<AnswerSink> sink() const {
    const std::lock_guard lock(mutex_);
    return sink_.lock();
  }

  Script script_;
  IngressStatus status_{true, false, ""};
  std::vector<model::RequestId> cancelled_;
  std::vector<model::Request> opened_;

 private:
  mutable std::mutex mutex_;
  std::weak_ptr<AnswerSink> sink_;
};

AnswerToken token(const std::string& bytes, float logprob = -1, std::vector<model::TokenLogprob> top = {}) {
  return {{static_cast<unsigned char>(bytes.empty() ? 0 : bytes[0]), logprob, std::move(top)}, bytes};
}

AnswerEvent text(const std::string& bytes, std::uint32_t choice = 0) {
  AnswerEvent event;
  event.choice = choice;
  event.text = bytes;
  for (const char c : bytes) event.tokens.push_back(token(std::string(1, c)));
  return event;
}

AnswerEvent finish(model::FinishReason reason, bool last = true, std::uint32_t choice = 0) {
  AnswerEvent event;
  event.choice = choice;
  event.finish = reason;
  event.last = last;
  return event;
}

AnswerEvent failure(model::ErrorCode code, const std::string& message) {
  AnswerEvent event;
  event.error = model::Error{code, message, ""};
  event.last = true;
  return event;
}

class IngressApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    telemetry::process_logger().set_level(telemetry::Level::error);
    tokenizer_ = std::make_shared<ByteTokenizer>();
    auto served = std::make_shared<model::ServedModel>();
    served->name = "org/demo";
    served->created = 1700000000;
    served->max_model_len = 100;
    served->fingerprint = "fp_test";
    served->tokenizer = tokenizer_;
    served->chat_template = std::make_shared<PlainTemplate>();
    ApiContext context;
    context.port = port_;
    context.served = served;
    context.metrics = [] { return std::string("troupe_up 1\n"); };
    context.random = std::make_shared<telemetry::SeededRandom>(1);
    context.clock = std::make_shared<telemetry::ManualClock>(telemetry::Clock::Wall(1'700'000'001s));
    context.version = "0.1.0";
    api_ = std::make_shared<Api>(std::move(context));
    auto server = net::serve_http(
        *net::listen_on("127.0.0.1", 0), {}, 1,
        [api = api_](const net::HttpRequest& request, const std::shared_ptr<net::HttpResponder>& responder) {
          api->handle(request, responder);
        },
        net::render_error);
    ASSERT_TRUE(server);
    server_ = *std::move(server);
  }

  net::ClientResponse ask(const std::string& method, const std::string& target, const std::string& body = "",
                          std::vector<net::HttpHeader> headers = {{"Content-Type", "application/json"}}) {
    net::ClientRequest request;
    request.port = server_->port();
    request.method = method;
    request.target = target;
    request.body = body;
    request.headers = std::move(headers);
    request.read_timeout = 5s;
    auto response = net::fetch(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : net::ClientResponse{};
  }
  json::value chat(const std::string& fields = "", int status = 200) {
    const auto response = ask("POST", "/v1/chat/completions", chat_body(fields));
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body);
  }
  json::value complete(const std::string& prompt, const std::string& fields = "", int status = 200) {
    const auto response =
        ask("POST", "/v1/completions",
            R"({"model":"org/demo","prompt":)" + prompt + (fields.empty() ? "" : "," + fields) + "}");
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body);
  }
  /// The data of the events of a streamed answer.
  std::vector<std::string> stream(const std::string& target, const std::string& body) {
    const auto response = ask("POST", target, body);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.header("Content-Type"), "text/event-stream; charset=utf-8");
    std::vector<std::string> data;
    net::SseDecoder decoder;
    for (auto& event : decoder.feed(response.body)) data.push_back(std::move(event.data));
    return data;
  }
  static std::string chat_body(const std::string& fields) {
    return R"({"model":"org/demo","messages":[{"role":"user","content":"hi"}])" +
           (fields.empty() ? "" : "," + fields) + "}";
  }

  std::shared_ptr<ByteTokenizer> tokenizer_;
  std::shared_ptr<FakePort> port_ = std::make_shared<FakePort>();
  std::shared_ptr<Api> api_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(IngressApiTest, AChatRequestIsCompleteWhenItIsOpened) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(text("Hel"));
    sink.deliver(text("lo"));
    sink.deliver(finish(model::FinishReason::stop));
  };
  const auto answer = chat();
  EXPECT_EQ(answer.at("object"), "chat.completion");
  EXPECT_EQ(answer.at("created"), 1700000001);
  EXPECT_EQ(answer.at("system_fingerprint"), "fp_test");
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), "Hello");
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(answer.at("usage"), json::parse(R"({"prompt_tokens":3,"completion_tokens":5,"total_tokens":8})"));
  const auto request = port_->last();
  EXPECT_EQ(answer.at("id"), json::value("chatcmpl-" + model::to_string(request.id)));
  EXPECT_THAT(request.prompts, ElementsAre(model::Prompt{{'h', 'i', 256}}));
  EXPECT_EQ(request.stop.max_tokens, 97U);
  EXPECT_NE(request.sampling.seed, 0U);
  EXPECT_EQ(port_->cancels(), 0U);
}

TEST_F(IngressApiTest, TheClientsRequestIdComesBackAndGoesIn) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(finish(model::FinishReason::stop));
  };
  const auto response = ask("POST", "/v1/chat/completions", chat_body(""), {{"X-Request-Id", "mine-1"}});
  EXPECT_EQ(response.header("X-Request-Id"), "mine-1");
  EXPECT_EQ(port_->last().client_request_id, "mine-1");
}

TEST_F(IngressApiTest, WhatAUserTypesIsNoControlTokenInAChat) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(finish(model::FinishReason::stop));
  };
  ask("POST", "/v1/chat/completions",
      R"({"model":"org/demo","messages":[{"role":"user","content":"<end>"}]})");
  EXPECT_THAT(port_->last().prompts[0].tokens, ElementsAre('<', 'e', 'n', 'd', '>', 256));
}

TEST_F(IngressApiTest, AStreamBeginsWithTheRoleAndEndsWithUsageAndDone) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(text("He"));
    sink.deliver(text("y"));
    sink.deliver(finish(model::FinishReason::length));
  };
  const auto data =
      stream("/v1/chat/completions", chat_body(R"("stream":true,"stream_options":{"include_usage":true})"));
  ASSERT_EQ(data.size(), 6U);
  const auto delta = [&](std::size_t i) { return json::parse(data[i]).at("choices").at(0).at("delta"); };
  EXPECT_EQ(delta(0), json::parse(R"({"role":"assistant","content":""})"));
  EXPECT_EQ(delta(1), json::parse(R"({"content":"He"})"));
  EXPECT_EQ(delta(2), json::parse(R"({"content":"y"})"));
  EXPECT_EQ(delta(3), json::parse("{}"));
  EXPECT_EQ(json::parse(data[3]).at("choices").at(0).at("finish_reason"), "length");
  EXPECT_TRUE(json::parse(data[3]).at("usage").is_null());
  EXPECT_EQ(json::parse(data[4]).at("choices"), json::array());
  EXPECT_EQ(json::parse(data[4]).at("usage").at("completion_tokens"), 3);
  EXPECT_EQ(data[5], "[DONE]");
}

TEST_F(IngressApiTest, AStreamHasNoUsageUnlessAsked) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(text("x"));
    sink.deliver(finish(model::FinishReason::stop));
  };
  const auto data = stream("/v1/chat/completions", chat_body(R"("stream":true)"));
  EXPECT_EQ(data.back(), "[DONE]");
  for (std::size_t i = 0; i + 1 < data.size(); ++i)
    EXPECT_FALSE(json::parse(data[i]).as_object().contains("usage"));
}

TEST_F(IngressApiTest, TwoChoicesInterleave) {
  const auto script = [](const model::Request& request, AnswerSink& sink) {
    EXPECT_EQ(request.n, 2U);
    sink.deliver(text("a", 1));
    sink.deliver(text("b", 0));
    sink.deliver(finish(model::FinishReason::stop, false, 1));
    sink.deliver(text("c", 0));
    sink.deliver(finish(model::FinishReason::length, true, 0));
  };
  port_->script_ = script;
  const auto answer = chat(R"("n":2)");
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), "bc");
  EXPECT_EQ(answer.at("choices").at(1).at("message").at("content"), "a");
  EXPECT_EQ(answer.at("choices").at(1).at("finish_reason"), "stop");
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 3);
  std::string of_first;
  std::size_t roles = 0;
  for (const auto& data : stream("/v1/chat/completions", chat_body(R"("n":2,"stream":true)"))) {
    if (data == "[DONE]") continue;
    const auto choice = json::parse(data).at("choices").at(0);
    roles += choice.at("delta").as_object().contains("role") ? 1 : 0;
    if (choice.at("index") != 0) continue;
    const auto* content = choice.at("delta").as_object().if_contains("content");
    if (content != nullptr) of_first += std::string(content->get_string().c_str());
  }
  EXPECT_EQ(of_first, "bc");
  EXPECT_EQ(roles, 2U);
}

TEST_F(IngressApiTest, EchoWithLogprobsScoresPromptAndAnswer) {
  port_->script_ = [](const model::Request& request, AnswerSink& sink) {
    EXPECT_EQ(request.sampling.prompt_logprobs, 1);
    AnswerEvent prompt;
    prompt.prompt_scores = {token("b", -2, {{'x', -0.5F}}), token("c", -3, {{'c', -3.0F}})};
    sink.deliver(prompt);
    auto event = text("d");
    event.tokens[0].scored.top = {{'d', -1.0F}};
    sink.deliver(event);
    sink.deliver(finish(model::FinishReason::length));
  };
  const auto answer = complete("[97,98,99]", R"("echo":true,"logprobs":1,"max_tokens":1)");
  const auto& choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "abcd");
  EXPECT_EQ(choice.at("logprobs"), json::parse(R"({"tokens":["a","b","c","d"],"text_offset":[0,1,2,3],
      "token_logprobs":[null,-2,-3,-1],"top_logprobs":[null,{"x":-0.5,"b":-2},{"c":-3},{"d":-1}]})"));
  EXPECT_EQ(answer.at("usage"), json::parse(R"({"prompt_tokens":3,"completion_tokens":1,"total_tokens":4})"));
  const auto data =
      stream("/v1/completions",
             R"({"model":"org/demo","prompt":"abc","echo":true,"logprobs":1,"max_tokens":1,"stream":true})");
  EXPECT_EQ(json::parse(data[0]).at("choices").at(0).at("text"), "abc");
  EXPECT_EQ(json::parse(data[1]).at("choices").at(0).at("logprobs").at("text_offset"), json::parse("[3]"));
  EXPECT_EQ(data.back(), "[DONE]");
}

TEST_F(IngressApiTest, AnAddedBosIsScoredButNotPartOfTheText) {
  tokenizer_->bos_ = true;
  port_->script_ = [](const model::Request& request, AnswerSink& sink) {
    EXPECT_THAT(request.prompts[0].tokens, ElementsAre(257, 'a'));
    AnswerEvent prompt;
    prompt.prompt_scores = {token("a", -2)};
    sink.deliver(prompt);
    sink.deliver(finish(model::FinishReason::length));
  };
  const auto answer = complete(R"("a")", R"("echo":true,"logprobs":0,"max_tokens":0)");
  EXPECT_EQ(answer.at("choices").at(0).at("text"), "a");
  EXPECT_EQ(answer.at("choices").at(0).at("logprobs").at("text_offset"), json::parse("[0,0]"));
  EXPECT_EQ(answer.at("choices").at(0).at("logprobs").at("tokens"), json::parse(R"(["<bos>","a"])"));
}

TEST_F(IngressApiTest, SeveralPromptsTimesNGiveTheirChoicesInOrder) {
  port_->script_ = [](const model::Request& request, AnswerSink& sink) {
    EXPECT_EQ(request.choices(), 4U);
    EXPECT_EQ(request.stop.max_tokens, 16U);
    for (std::uint32_t i = 0; i < 4; ++i) {
      sink.deliver(text(std::to_string(i), i));
      sink.deliver(finish(model::FinishReason::stop, i == 3, i));
    }
  };
  const auto answer = complete(R"(["a","b"])", R"("n":2,"echo":true)");
  std::string texts;
  for (const auto& choice : answer.at("choices").as_array()) texts += choice.at("text").get_string().c_str();
  EXPECT_EQ(texts, "a0a1b2b3");
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 2);
}

TEST_F(IngressApiTest, AStopTextIsNamed) {
  port_->script_ = [](const model::Request& request, AnswerSink& sink) {
    EXPECT_THAT(request.stop.stop, ElementsAre("END"));
    auto event = finish(model::FinishReason::stop);
    event.stop_text = "END";
    sink.deliver(event);
  };
  EXPECT_EQ(chat(R"("stop":"END")").at("choices").at(0).at("stop_reason"), "END");
}

TEST_F(IngressApiTest, ARefusalBeforeTheFirstByteIsAStatus) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(failure(model::ErrorCode::overloaded, "the waiting queue is full"));
  };
  for (const char* fields : {"", R"("stream":true)"}) {
    const auto response = ask("POST", "/v1/chat/completions", chat_body(fields));
    EXPECT_EQ(response.status, 429);
    EXPECT_EQ(response.header("Retry-After"), "1");
    EXPECT_EQ(json::parse(response.body).at("error").at("message"), "the waiting queue is full");
  }
}

TEST_F(IngressApiTest, AFailureInTheStreamIsAnErrorEventWithoutDone) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(text("par"));
    sink.deliver(failure(model::ErrorCode::unavailable, "stage/0 is gone"));
    sink.deliver(text("never"));
  };
  const auto data = stream("/v1/chat/completions", chat_body(R"("stream":true)"));
  ASSERT_EQ(data.size(), 3U);
  EXPECT_EQ(json::parse(data[2]).at("error").at("message"), "stage/0 is gone");
}

TEST_F(IngressApiTest, AClientThatGoesAwayCancelsItsRequest) {
  port_->script_ = nullptr;
  for (const bool streaming : {false, true}) {
    const std::string body = chat_body(streaming ? R"("stream":true)" : "");
    const std::size_t before = port_->cancels();
    {
      net::testing::RawClient client(server_->port());
      client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);
      for (int i = 0; i < 500 && !port_->sink(); ++i) std::this_thread::sleep_for(5ms);
      ASSERT_TRUE(port_->sink()) << "the session keeps the sink while the client is there";
      if (streaming) {
        port_->sink()->deliver(text("a"));
        EXPECT_THAT(client.read_until("\"a\""), HasSubstr("\"a\""));
      }
    }
    for (int i = 0; i < 500 && port_->cancels() == before; ++i) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(port_->cancels(), before + 1);
    EXPECT_EQ(port_->cancelled_.back(), port_->last().id);
    for (int i = 0; i < 500 && port_->sink(); ++i) std::this_thread::sleep_for(5ms);
    EXPECT_FALSE(port_->sink()) << "and lets go of it afterwards";
  }
}

TEST_F(IngressApiTest, PromptsOutsideTheContextAreRefusedWithTheArithmetic) {
  const auto error = [&](const json::value& body) { return body.at("error"); };
  const std::string long_prompt = "\"" + std::string(101, 'a') + "\"";
  auto got = error(complete(long_prompt, "", 400));
  EXPECT_EQ(got.at("code"), "context_length_exceeded");
  EXPECT_EQ(got.at("param"), "prompt");
  EXPECT_THAT(got.at("message").get_string().c_str(), HasSubstr("100 tokens"));
  EXPECT_THAT(got.at("message").get_string().c_str(), HasSubstr("101"));
  got = error(chat(R"("max_tokens":98)", 400));
  EXPECT_EQ(got.at("param"), "max_tokens");
  EXPECT_THAT(got.at("message").get_string().c_str(),
              HasSubstr("101 tokens (3 in the messages, 98 in the completion)"));
  EXPECT_EQ(error(chat(R"("max_completion_tokens":98)", 400)).at("param"), "max_completion_tokens");
  got = error(complete("\"" + std::string(10'000, 'a') + "\"", "", 400));
  EXPECT_THAT(got.at("message").get_string().c_str(), HasSubstr("at least 2000 tokens"));
  EXPECT_EQ(error(complete(R"("")", "", 400)).at("param"), "prompt");
  EXPECT_EQ(error(complete("[[]]", "", 400)).at("param"), "prompt");
  EXPECT_TRUE(port_->opened_.empty());
}

TEST_F(IngressApiTest, AnUnknownModelIs404) {
  const auto response =
      ask("POST", "/v1/chat/completions", R"({"model":"other","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(response.status, 404);
  const auto error = json::parse(response.body).at("error");
  EXPECT_EQ(error.at("code"), "model_not_found");
  EXPECT_THAT(error.at("message").get_string().c_str(), HasSubstr("org/demo"));
}

TEST_F(IngressApiTest, RoutesAnswer) {
  EXPECT_EQ(json::parse(ask("GET", "/v1/models").body).at("data").at(0).at("id"), "org/demo");
  EXPECT_EQ(json::parse(ask("GET", "/v1/models/org/demo").body).at("max_model_len"), 100);
  EXPECT_EQ(json::parse(ask("GET", "/v1/models/org%2Fdemo").body).at("id"), "org/demo");
  EXPECT_EQ(ask("GET", "/v1/models/nope").status, 404);
  EXPECT_EQ(ask("GET", "/metrics").body, "troupe_up 1\n");
  EXPECT_EQ(json::parse(ask("GET", "/version").body).at("version"), "0.1.0");
  EXPECT_EQ(ask("HEAD", "/v1/models").body, "");
  EXPECT_EQ(ask("GET", "/v2/nothing").status, 404);
  EXPECT_EQ(ask("GET", "/v1/models/").status, 404);
  EXPECT_EQ(ask("GET", "/V1/models").status, 404);
  const auto method = ask("GET", "/v1/chat/completions");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("Allow"), "POST");
  EXPECT_EQ(ask("DELETE", "/v1/models").header("Allow"), "GET, HEAD");
  EXPECT_EQ(ask("POST", "/v1/completions", "{}", {{"Content-Type", "text/plain"}}).status, 415);
}

TEST_F(IngressApiTest, TokenizeAndDetokenizeAreInverse) {
  const auto tokens =
      json::parse(ask("POST", "/tokenize", R"({"model":"org/demo","prompt":"ab<end>"})").body);
  EXPECT_EQ(tokens.at("tokens"), json::parse("[97,98,256]"));
  EXPECT_EQ(tokens.at("count"), 3);
  EXPECT_EQ(json::parse(ask("POST", "/detokenize", R"({"tokens":[97,98,256]})").body).at("prompt"),
            "ab<end>");
  EXPECT_EQ(json::parse(ask("POST", "/tokenize", R"({"messages":[{"role":"user","content":"a"}]})").body)
                .at("tokens"),
            json::parse("[97,256]"));
  EXPECT_EQ(ask("POST", "/detokenize", R"({"tokens":[258]})").status, 400);
  EXPECT_EQ(ask("POST", "/tokenize", "{}").status, 400);
}

TEST_F(IngressApiTest, ReadinessSaysWhyNot) {
  EXPECT_EQ(ask("GET", "/health/ready").status, 200);
  port_->status_ = {false, false, "stage/0 is loading weights"};
  const auto response = ask("GET", "/health/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("stage/0 is loading weights"));
  EXPECT_EQ(ask("GET", "/health").status, 503);
  EXPECT_EQ(ask("GET", "/health/live").status, 200);
  port_->status_ = {true, true, "SIGTERM"};
  EXPECT_THAT(ask("GET", "/health/ready").body, HasSubstr("draining"));
}

/// Texts that are not JSON, or only nearly; of the classes of JSONTestSuite.
std::vector<std::string> hostile_texts() {
  return {"{",
          "}",
          "]",
          "[1,]",
          "[,1]",
          "[1 2]",
          "{\"a\" 1}",
          "{\"a\":}",
          "{\"a\":1,}",
          "{'a':1}",
          "{a:1}",
          "[1",
          "[\"a",
          "[\"\\x\"]",
          "[\"\\u12\"]",
          "[\"\t\"]",
          std::string("[\"\0\"]", 5),
          "[01]",
          "[+1]",
          "[.5]",
          "[1.]",
          "[1e]",
          "[0x1]",
          "[NaN]",
          "[Infinity]",
          "[-]",
          "[tru]",
          "[True]",
          "nul",
          "\xEF\xBB\xBF{}",
          "[\xFF]",
          "[\"\xC0\xAF\"]",
          "[\"\xED\xA0\x80\"]",
          "[\"\\uD800\"]",
          "/* */ {}",
          "{} // x",
          std::string(1, '\0'),
          "*",
          "<xml/>",
          "\"",
          "{}}",
          std::string(500, '['),
          "{\"a\":" + std::string(100'000, '['),
          "1e99999",
          "-0",
          "\"\\uDC00\"",
          ""};
}

TEST_F(IngressApiTest, HostileJsonGets400AndTheServerGoesOn) {
  for (const auto& body : hostile_texts()) {
    for (const char* target : {"/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize"}) {
      EXPECT_EQ(ask("POST", target, body).status, 400) << target << " " << body.substr(0, 40);
    }
  }
  EXPECT_EQ(ask("GET", "/health/live").status, 200);
}

TEST_F(IngressApiTest, MutatedBodiesNeverGetAnythingBut200Or4xx) {
  port_->script_ = [](const model::Request&, AnswerSink& sink) {
    sink.deliver(text("ok"));
    sink.deliver(finish(model::FinishReason::stop));
  };
  const std::vector<std::string> seeds = {
      chat_body(
          R"("stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"top_p":0.9,"n":2)"),
      chat_body(
          R"("logprobs":true,"top_logprobs":5,"stop":["a"],"seed":7,"logit_bias":{"5":1},"max_tokens":9)"),
      R"({"model":"org/demo","prompt":[[1,2,3],[4]],"echo":true,"logprobs":2,"max_tokens":3,"stop_token_ids":[1]})",
  };
  const std::vector<std::string> splinters = {
      "{",       "}",    "[",    "]",    ",",   ":",  "\"", "null", "-1", "1e309", "18446744073709551615",
      "\\u0000", "\xFF", "[[[[", "true", "0.5", "\\", " "};
  std::mt19937 random(11);
  const auto pick = [&random](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  std::size_t accepted = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::size_t seed = pick(seeds.size());
    std::string body = seeds[seed];
    for (std::size_t change = pick(4); change > 0 && !body.empty(); --change) {
      const std::size_t at = pick(body.size());
      switch (pick(4)) {
        case 0:
          body.erase(at, 1 + pick(5));
          break;
        case 1:
          body.insert(at, splinters[pick(splinters.size())]);
          break;
        case 2:
          body[at] = static_cast<char>(random() % 256);
          break;
        default:
          body.replace(at, 1 + pick(6), splinters[pick(splinters.size())]);
          break;
      }
    }
    const auto response = ask("POST", seed == 2 ? "/v1/completions" : "/v1/chat/completions", body);
    accepted += response.status == 200 ? 1 : 0;
    EXPECT_TRUE(response.status == 200 || (response.status >= 400 && response.status < 500))
        << response.status << " " << body;
    if (response.status != 200) {
      EXPECT_THAT(response.body, StartsWith(R"({"error":{"message":)"));
    }
  }
  EXPECT_GT(accepted, 100U);
  EXPECT_LT(accepted, 1400U);
}

}  // namespace
}  // namespace troupe::actors
