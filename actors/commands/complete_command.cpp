// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/complete_command.hpp"

#include <iostream>
#include <iterator>
#include <optional>

#include "actors/commands/command_line.hpp"
#include "actors/commands/openai_client.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

constexpr int kFailed = 1;

constexpr const char* kAbout =
    "Continues a text, without a chat template, and prints what follows as it comes.\n"
    "Times go to standard error, so that standard output is the text alone.\n";

constexpr const char* kExamples =
    "  troupe complete \"The capital of France is\" --max-tokens 8\n"
    "  troupe complete - < prompt.txt\n"
    "  troupe complete \"Once upon a time\" --temperature 0.8 --seed 7\n";

}  // namespace

int run_complete_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  std::string prompt;
  std::string url = "http://127.0.0.1:8080";
  std::string model;
  std::uint64_t max_tokens = 64;
  std::optional<double> temperature;
  std::optional<std::uint64_t> seed;
  CommandLine line("troupe complete", kAbout, kExamples);
  line.positional("PROMPT", prompt, "The text to continue; - reads it from standard input.");
  line.option("--url", "URL", url, "Where the server listens.");
  line.option("--model", "NAME", model, "A served model; the first one if not named.");
  line.option("--max-tokens", "N", max_tokens, "Longest continuation.");
  line.option("--temperature", "T", temperature, "0 always takes the likeliest token.");
  line.option("--seed", "N", seed, "The same seed gives the same text.");
  if (const auto status = line.parse(arguments, out, err)) return *status;
  const auto fail = [&err](const model::Error& error, int status) {
    err << "troupe complete: " << error.message << '\n';
    return status;
  };
  const auto server = parse_server_url(url);
  if (!server) return fail(server.error(), kWrongUsage);
  if (model.empty()) {
    const auto name = first_model(*server);
    if (!name) return fail(name.error(), kFailed);
    model = *name;
  }
  if (prompt == "-") prompt.assign(std::istreambuf_iterator<char>(std::cin), {});

  std::string body = "{\"model\":" + config::in_quotes(model) + ",\"prompt\":" + config::in_quotes(prompt) +
                     ",\"max_tokens\":" + std::to_string(max_tokens) +
                     ",\"stream\":true,\"stream_options\":{\"include_usage\":true}";
  if (temperature) body += ",\"temperature\":" + std::to_string(*temperature);
  if (seed) body += ",\"seed\":" + std::to_string(*seed);
  const auto report = stream_answer(*server, "/v1/completions", body + "}", [&out](const AnswerPiece& piece) {
    out << terminal_text(piece.text) << std::flush;
    return true;
  });
  out << std::endl;
  if (!report) return fail(report.error(), kFailed);
  err << '[' << to_string(*report) << "]\n";
  return 0;
}

}  // namespace troupe::actors
