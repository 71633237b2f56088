// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

#include "config/text.hpp"
#include "telemetry/log.hpp"

namespace troupe::telemetry {
namespace {

constexpr std::array<std::string_view, 4> kReservedKeys = {"time", "level", "component", "event"};

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

void append_padded(std::string& out, int number, std::size_t width) {
  const std::string digits = std::to_string(number);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

/// RFC 3339 in UTC with milliseconds.
void append_time(std::string& out, Clock::Wall time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  append_padded(out, parts.tm_year + 1900, 4);
  out += '-';
  append_padded(out, parts.tm_mon + 1, 2);
  out += '-';
  append_padded(out, parts.tm_mday, 2);
  out += 'T';
  append_padded(out, parts.tm_hour, 2);
  out += ':';
  append_padded(out, parts.tm_min, 2);
  out += ':';
  append_padded(out, parts.tm_sec, 2);
  out += '.';
  append_padded(out, static_cast<int>((since_epoch - seconds).count()), 3);
  out += 'Z';
}

/// At most kMaxFieldBytes of the text, cut between code points. `dropped`: how many bytes were cut off.
std::string_view cut(std::string_view text, std::size_t& dropped) {
  dropped = 0;
  if (text.size() <= kMaxFieldBytes) return text;
  std::size_t length = kMaxFieldBytes;
  // A code point has at most three continuation bytes; more of them are garbage and may be cut anywhere.
  for (int back = 0; back < 3 && (static_cast<std::uint8_t>(text[length]) & 0xc0U) == 0x80U; ++back) --length;
  dropped = text.size() - length;
  return text.substr(0, length);
}

void append_quoted(std::string& out, std::string_view text) {
  std::size_t dropped = 0;
  out += '"';
  config::append_escaped(out, cut(text, dropped));
  if (dropped > 0) out += "... (" + std::to_string(dropped) + " bytes cut)";
  out += '"';
}

/// Whether a text stands without quotes in the text format and is still one word of it.
bool is_bare(std::string_view text) {
  return !text.empty() && text.size() <= kMaxFieldBytes &&
         text.find_first_of(" \"=\\") == std::string_view::npos && config::is_clean_text(text);
}

void append_text(std::string& out, LogFormat format, std::string_view text) {
  if (format == LogFormat::text && is_bare(text)) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_double(std::string& out, LogFormat format, double number) {
  if (std::isfinite(number)) {
    append_number(out, number);
  } else {
    // JSON has no number for these.
    append_text(out, format, std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
  }
}

void append_value(std::string& out, LogFormat format, const Field::Value& value) {
  std::visit(Overloaded{[&](std::string_view text) { append_text(out, format, text); },
                        [&](bool truth) { out += truth ? "true" : "false"; },
                        [&](double number) { append_double(out, format, number); },
                        [&](auto integer) { append_number(out, integer); }},
             value);
}

/// Letters, digits, '.', '_' and '-' of the key; a key that every event has gets a trailing '_'.
void append_key(std::string& out, std::string_view key) {
  for (const char letter : key.substr(0, 64)) {
    const bool word = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
    out += word ? letter : '_';
  }
  if (key.empty() || std::find(kReservedKeys.begin(), kReservedKeys.end(), key) != kReservedKeys.end())
    out += '_';
}

std::string format_text(Clock::Wall time, Level level, std::string_view component, std::string_view event,
                        std::initializer_list<Field> fields) {
  std::string line;
  append_time(line, time);
  line += ' ';
  line += to_string(level);
  line += ' ';
  append_text(line, LogFormat::text, component);
  line += ' ';
  append_quoted(line, event);
  for (const Field& field : fields) {
    line += ' ';
    append_key(line, field.key);
    line += '=';
    append_value(line, LogFormat::text, field.value);
  }
  return line;
}

std::string format_json(Clock::Wall time, Level level, std::string_view component, std::string_view event,
                        std::initializer_list<Field> fields) {
  std::string line = R"({"time":")";
  append_time(line, time);
  line += R"(","level":")";
  line += to_string(level);
  line += R"(","component":)";
  append_quoted(line, component);
  line += R"(,"event":)";
  append_quoted(line, event);
  for (const Field& field : fields) {
    line += ",\"";
    append_key(line, field.key);
    line += "\":";
    append_value(line, LogFormat::json, field.value);
  }
  return line + '}';
}

}  // namespace

std::string format_event(LogFormat format, Clock::Wall time, Level level, std::string_view component,
                         std::string_view event, std::initializer_list<Field> fields) {
  return format == LogFormat::json ? format_json(time, level, component, event, fields)
                                   : format_text(time, level, component, event, fields);
}

}  // namespace troupe::telemetry
