// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "model/ids.hpp"

/// Included by net/openai/*.cpp only: it names Boost.JSON.
namespace troupe::net {

/// A range of numbers. `open_low`: the lower bound itself is outside.
struct Range {
  double low = 0;
  double high = 0;
  bool open_low = false;
};

/// Reads the fields of an object, each checked. The first thing wrong is kept; what is read after it does not
/// matter, so that a caller asks once, at the end. A field that is null counts as absent, as at OpenAI.
class Fields {
 public:
  /// `prefix`: of names in errors, e.g. "messages[0].".
  explicit Fields(const boost::json::object& object, std::string prefix = {})
      : object_(&object), prefix_(std::move(prefix)) {}

  const boost::json::value* find(std::string_view name) const;
  bool boolean(std::string_view name, bool otherwise);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<std::uint64_t> seed(std::string_view name);
  std::optional<double> number(std::string_view name, const Range& range);
  std::optional<std::string> text(std::string_view name);
  /// A list of token ids below `vocab_size`.
  std::vector<model::Token> tokens(std::string_view name, std::uint32_t vocab_size);
  /// The same for an element of a list; `param` names it in the error.
  std::vector<model::Token> tokens_of(const boost::json::value& value, const std::string& param,
                                      std::uint32_t vocab_size);

  /// Keeps the first error. `name` gets the prefix.
  void fail(std::string_view name, const std::string& message);
  /// Keeps the first error, of a reader of an inner object.
  void adopt(const model::Error& error) {
    if (!error_) error_ = error;
  }
  bool failed() const { return error_.has_value(); }
  const model::Error& error() const { return *error_; }

  /// Refuses names that are no known field but within two typing errors of one.
  void refuse_misspelt(std::span<const std::string_view> known);
  const boost::json::object& object() const { return *object_; }

 private:
  const boost::json::object* object_;
  std::string prefix_;
  std::optional<model::Error> error_;
};

/// The number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace troupe::net
