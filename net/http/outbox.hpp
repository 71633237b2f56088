// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/server.hpp"

namespace troupe::net {

/// How the answer to one request is put on the wire; known before the handler runs.
struct AnswerFraming {
  bool head_only = false;  ///< HEAD: no body is sent
  bool chunked = true;     ///< false: HTTP/1.0, a stream ends with the connection
  bool keep_alive = true;
  std::string request_id;
  std::uint64_t max_unsent = 0;  ///< bytes of a stream that may wait for the socket
};

/// The bytes of one answer between whoever writes it (any thread) and the connection's strand. Bytes gather
/// here while the socket is busy, so that many small writes become one.
///
/// Threads: the writing half any; the connection's half (take, sent, on_strand) from the strand only.
class Outbox {
 public:
  /// `wake`: asks the strand to call take(). Called under the outbox's lock, never after close().
  Outbox(AnswerFraming framing, std::function<void()> wake);

  // The writing half.
  void respond(int status, std::string_view content_type, std::string_view body,
               const std::vector<HttpHeader>& extra);
  void begin_stream(int status, std::string_view content_type, const std::vector<HttpHeader>& extra);
  void write(std::string_view bytes);
  void finish();
  void on_disconnect(std::function<void()> callback);
  /// Whoever should answer let go of the answer: 500 when nothing was sent, else the connection is cut.
  void abandon();

  // The connection's half.
  struct Taken {
    std::string bytes;
    bool finished = false;  ///< nothing follows `bytes`
    bool cut = false;       ///< the stream overran its limit, or was abandoned halfway
  };
  /// `room`: the socket can be written now; otherwise the bytes stay here and only `cut` is looked at.
  Taken take(bool room);
  void sent(std::size_t bytes);  ///< the socket took so many
  /// The client is gone, or the answer is complete: later writes do nothing, wake is never called again.
  /// Returns the callback that is to be called if the client went before the end (a late one is called at
  /// once).
  std::function<void()> close(bool complete);
  bool keep_alive() const { return framing_.keep_alive; }
  const std::string& request_id() const { return framing_.request_id; }

 private:
  enum class State : std::uint8_t { fresh, streaming, finished };
  void put_head(int status, std::string_view content_type, const std::vector<HttpHeader>& extra);
  void wake_locked();

  std::mutex mutex_;
  AnswerFraming framing_;
  std::function<void()> wake_;
  std::string pending_;
  std::uint64_t in_flight_ = 0;
  State state_ = State::fresh;
  bool woken_ = false;
  bool cut_ = false;
  bool closed_ = false;
  bool gone_ = false;  ///< closed before the answer was complete
  std::function<void()> disconnected_;
};

/// The responder that a handler gets: forwards to the outbox; abandons it when it is let go of.
std::shared_ptr<HttpResponder> make_responder(std::shared_ptr<Outbox> outbox);

/// "Not Found" for 404.
std::string_view reason_phrase(int status);

}  // namespace troupe::net
