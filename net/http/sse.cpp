// SPDX-License-Identifier: Apache-2.0
#include "net/http/sse.hpp"

namespace troupe::net {

std::string sse_event(std::string_view data) {
  std::string out = "data: ";
  out.reserve(data.size() + 8);
  out += data;
  out += "\n\n";
  return out;
}

std::vector<SseEvent> SseDecoder::feed(std::string_view bytes) {
  std::vector<SseEvent> events;
  for (const char c : bytes) {
    const bool second_of_pair = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (second_of_pair) continue;
    if (c != '\n' && c != '\r') {
      line_ += c;
      continue;
    }
    take_line(line_, events);
    line_.clear();
  }
  return events;
}

void SseDecoder::take_line(std::string_view line, std::vector<SseEvent>& events) {
  if (line.empty()) {
    if (has_data_) events.push_back(next_);
    next_.event.clear();
    next_.data.clear();
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  auto value = colon == line.npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) next_.data += '\n';
    next_.data += value;
    has_data_ = true;
  } else if (name == "event") {
    next_.event = value;
  } else if (name == "id") {
    next_.id = value;
  }
}

}  // namespace troupe::net
