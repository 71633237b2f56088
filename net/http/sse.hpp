// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::net {

/// One server-sent event with `data`, which must be one line (JSON is).
std::string sse_event(std::string_view data);

struct SseEvent {
  std::string event;  ///< empty: "message"
  std::string data;
  std::string id;  ///< the last one seen in the stream
};

/// Takes a text/event-stream apart, however it was cut into pieces. Source: WHATWG HTML, section 9.2.
class SseDecoder {
 public:
  /// The events that `bytes` complete.
  std::vector<SseEvent> feed(std::string_view bytes);

 private:
  void take_line(std::string_view line, std::vector<SseEvent>& events);

  std::string line_;
  bool after_cr_ = false;
  bool has_data_ = false;
  SseEvent next_;
};

}  // namespace troupe::net
