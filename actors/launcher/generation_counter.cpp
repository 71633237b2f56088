// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/generation_counter.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "actors/launcher/durable_file.hpp"

namespace troupe::actors {
namespace {

model::Result<model::Generation> next_generation(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) {
    if (failed)
      return model::Error{model::ErrorCode::io, "cannot read " + path + ": " + failed.message(), path};
    return model::Generation{1};
  }
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.ends_with('\n')) text.pop_back();
  model::Generation next = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), next);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || next == 0 || next + kGenerationsPerStart < next) {
    return model::Error{
        model::ErrorCode::io,
        path +
            " does not hold a generation. Restore it, or write into it a number greater than every "
            "\"generation\" in audit.jsonl",
        path};
  }
  return next;
}

}  // namespace

model::Result<model::Generation> GenerationCounter::reserve() {
  auto first = next_generation(path_);
  if (!first) return first;
  if (auto written = write_durably(path_, std::to_string(*first + kGenerationsPerStart) + "\n"); !written) {
    return written.error();
  }
  return first;
}

}  // namespace troupe::actors
