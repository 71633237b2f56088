// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "telemetry/clock.hpp"

/// What operators read: one event, one line, whatever a client put into it.
namespace troupe::telemetry {

enum class Level : std::uint8_t { trace, debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };

std::string_view to_string(Level level);
std::optional<Level> parse_level(std::string_view name);
std::optional<LogFormat> parse_log_format(std::string_view name);

/// A key and its value. Holds views: it lives no longer than the call that it is an argument of.
struct Field {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, std::same_as<bool> auto truth) : key(name), value(truth) {}
  Field(std::string_view name, std::signed_integral auto number) : key(name), value(std::int64_t{number}) {}
  template <std::unsigned_integral Number>
  requires(!std::same_as<Number, bool>) Field(std::string_view name, Number number)
      : key(name), value(std::uint64_t{number}) {}
  Field(std::string_view name, std::floating_point auto number) : key(name), value(double{number}) {}
  /// Durations are written in seconds; name the key accordingly ("wait_seconds").
  template <class Rep, class Period>
  Field(std::string_view name, std::chrono::duration<Rep, Period> time)
      : key(name), value(std::chrono::duration<double>(time).count()) {}

  std::string_view key;
  Value value;
};

/// Longest value of a field, in bytes; the rest is cut off and counted.
inline constexpr std::size_t kMaxFieldBytes = 1024;

/// The event as one line without its end.
/// - text: `2026-11-24T11:02:03.456Z info ingress "request opened" request_id=4f... tokens=12`
/// - json: `{"time":"2026-...Z","level":"info","component":"ingress","event":"request opened","tokens":12}`
///
/// Controls, line separators and marks that reorder text are escaped as in JSON, ill-formed UTF-8 becomes
/// U+FFFD, values are cut at kMaxFieldBytes.
std::string format_event(LogFormat format, Clock::Wall time, Level level, std::string_view component,
                         std::string_view event, std::initializer_list<Field> fields);

/// Writes events to standard error, or to a stream.
/// Threads: any.
class Logger {
 public:
  /// To standard error, with the machine's clock.
  Logger();
  /// `out` and `clock` must outlive the logger; `out` is written by one thread at a time.
  Logger(std::ostream& out, const Clock& clock);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void set_level(Level least) { level_.store(least, std::memory_order_relaxed); }
  void set_format(LogFormat format) { format_.store(format, std::memory_order_relaxed); }
  /// Whether events of that level are written; costs one relaxed load.
  bool enabled(Level level) const { return level >= level_.load(std::memory_order_relaxed); }

  /// `component`: who speaks ("ingress", "stage/0"). `event`: what happened, in words that do not vary; what
  /// varies goes into fields.
  void log(Level level, std::string_view component, std::string_view event,
           std::initializer_list<Field> fields = {});

 private:
  class Output;
  std::atomic<Level> level_{Level::info};
  std::atomic<LogFormat> format_{LogFormat::text};
  const Clock& clock_;
  std::unique_ptr<Output> output_;
};

/// The logger of this process: standard error. Level and format are set once from the configuration.
Logger& process_logger();

/// Writes to the logger of this process.
void log(Level level, std::string_view component, std::string_view event,
         std::initializer_list<Field> fields = {});

}  // namespace troupe::telemetry
