// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::actors {

inline constexpr int kWrongUsage = 2;

/// The command line of one command: its options are declared together with where they go and what help says
/// of them.
/// `--name VALUE` and `--name=VALUE` are both understood; what follows `--` is no option.
class CommandLine {
 public:
  /// `name`: "troupe chat". `about`: paragraphs under the usage line. `examples`: whole lines.
  CommandLine(std::string name, std::string about, std::string examples);

  /// A switch.
  void option(std::string flag, bool& target, std::string help);
  /// Options with a value. `value`: its name in the help. The target's present value is the default, shown in
  /// the help.
  void option(std::string flag, std::string value, std::string& target, std::string help);
  void option(std::string flag, std::string value, std::uint64_t& target, std::string help);
  void option(std::string flag, std::string value, std::optional<std::uint64_t>& target, std::string help);
  /// A number not less than 0.
  void option(std::string flag, std::string value, std::optional<double>& target, std::string help);
  /// What is not an option, in order. Only the last may be optional.
  void positional(std::string name, std::string& target, std::string help, bool required = true);

  /// Fills the targets. An exit status when there is nothing more to do: 0 after --help, kWrongUsage after an
  /// error that was written to `err`, with the nearest option where one is unknown.
  std::optional<int> parse(std::span<const std::string> arguments, std::ostream& out,
                           std::ostream& err) const;
  std::string help() const;

 private:
  struct Option {
    std::string flag;
    std::string value;  ///< empty: a switch
    std::string help;
    std::string standard;                          ///< default, empty: none is shown
    std::function<bool(const std::string&)> take;  ///< false: not of the right form
  };
  struct Positional {
    std::string name;
    std::string help;
    bool required = true;
    std::string* target = nullptr;
  };
  const Option* find(const std::string& flag) const;
  /// Takes the option at `at`, and its value; what is wrong with it, if anything.
  std::optional<std::string> take_option(std::span<const std::string> arguments, std::size_t& at) const;
  int wrong(std::ostream& err, const std::string& message) const;
  std::string suggestion(const std::string& flag) const;

  std::string name_;
  std::string about_;
  std::string examples_;
  std::vector<Option> options_;
  std::vector<Positional> positionals_;
};

}  // namespace troupe::actors
