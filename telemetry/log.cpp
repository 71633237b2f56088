// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <utility>

namespace troupe::telemetry {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 5> kLevels = {{{"trace", Level::trace},
                                                                        {"debug", Level::debug},
                                                                        {"info", Level::info},
                                                                        {"warn", Level::warn},
                                                                        {"error", Level::error}}};

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace

std::string_view to_string(Level level) {
  return kLevels.at(static_cast<std::size_t>(level)).first;
}

std::optional<Level> parse_level(std::string_view name) {
  for (const auto& [known, level] : kLevels) {
    if (name == known) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> parse_log_format(std::string_view name) {
  if (name == "text") return LogFormat::text;
  if (name == "json") return LogFormat::json;
  return std::nullopt;
}

/// What spdlog is asked for: whole lines, one writer at a time, flushed. The line itself is ours.
class Logger::Output {
 public:
  explicit Output(spdlog::sink_ptr sink) : logger_("troupe", std::move(sink)) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
  }

  void write(std::string_view line) {
    logger_.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  spdlog::logger logger_;
};

Logger::Logger()
    : clock_(system_clock()),
      output_(std::make_unique<Output>(std::make_shared<spdlog::sinks::stderr_sink_mt>())) {}

Logger::Logger(std::ostream& out, const Clock& clock)
    : clock_(clock),
      output_(std::make_unique<Output>(std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {}

Logger::~Logger() = default;

void Logger::log(Level level, std::string_view component, std::string_view event,
                 std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  output_->write(
      format_event(format_.load(std::memory_order_relaxed), clock_.wall(), level, component, event, fields));
}

Logger& process_logger() {
  // Never destroyed: threads that outlive main may still log.
  static Logger* const logger = new Logger();
  return *logger;
}

void log(Level level, std::string_view component, std::string_view event,
         std::initializer_list<Field> fields) {
  process_logger().log(level, component, event, fields);
}

}  // namespace troupe::telemetry
