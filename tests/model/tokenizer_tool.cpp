// SPDX-License-Identifier: Apache-2.0
// Tokenizes for tests/model/tokenizer_oracle.py: every input line is a mode and a text in hexadecimal; the
// answer is the token ids, a tab, and the bytes that they stand for, in hexadecimal. `--time FILE` reports
// the speed over a text file.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "model/chat_template.hpp"
#include "model/tokenizer.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::model {
namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

Result<std::vector<Token>> encode_conversation(const Tokenizer& tokenizer, const ChatTemplate& chat,
                                               const std::string& line) {
  std::istringstream in(line.substr(2));
  int generation_prompt = 0;
  in >> generation_prompt;
  std::vector<ChatMessage> messages;
  for (std::string word; in >> word;) {
    const std::size_t colon = word.find(':');
    messages.push_back({word.substr(0, colon), from_hex(std::string_view(word).substr(colon + 1))});
  }
  const auto pieces = chat.render(messages, generation_prompt != 0);
  if (!pieces) return pieces.error();
  return encode_chat(tokenizer, *pieces);
}

void answer_line(const Tokenizer& tokenizer, const ChatTemplate& chat, const std::string& line) {
  const auto tokens = line[0] == 'm'
                          ? encode_conversation(tokenizer, chat, line)
                          : tokenizer.encode(from_hex(std::string_view(line).substr(2)), line[0] == 'c');
  if (!tokens) {
    std::puts(tokens.error().message.c_str());
    return;
  }
  for (const Token token : *tokens) std::printf("%d ", token);
  std::putchar('\t');
  for (const Token token : *tokens) {
    for (const char byte : tokenizer.bytes(token)) std::printf("%02x", static_cast<unsigned char>(byte));
  }
  std::putchar('\n');
}

void report_speed(const Tokenizer& tokenizer, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  double best = 1e9;
  std::size_t tokens = 0;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    tokens = tokenizer.encode(text, false).size();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("{\"bytes\": %zu, \"tokens\": %zu, \"seconds\": %.6f, \"megabytes_per_second\": %.2f}\n",
              text.size(), tokens, best, static_cast<double>(text.size()) / best / 1e6);
}

int run(const std::string& model, const std::string& timed) {
  const auto file = open_gguf(model);
  if (!file) return std::fprintf(stderr, "%s\n", file.error().message.c_str()), 1;
  const auto tokenizer = make_tokenizer(**file);
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 1;
  if (!timed.empty()) return report_speed(**tokenizer, timed), 0;
  const auto chat = make_chat_template(**file);
  if (!chat) return std::fprintf(stderr, "%s\n", chat.error().message.c_str()), 1;
  for (std::string line; std::getline(std::cin, line);) answer_line(**tokenizer, **chat, line);
  return 0;
}

}  // namespace
}  // namespace troupe::model

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return std::fprintf(stderr, "usage: tokenizer_tool MODEL [--time FILE]\n"), 2;
  return troupe::model::run(argv[1], argc == 4 ? argv[3] : "");
}
