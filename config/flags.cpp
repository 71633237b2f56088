// SPDX-License-Identifier: Apache-2.0
#include "config/flags.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "config/show.hpp"
#include "config/suggest.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

namespace troupe::config {
namespace {

constexpr std::string_view kNo = "--no-";
constexpr std::string_view kConfigFlag = "--config";

/// A token split at '='; the flag with hyphens.
struct Token {
  std::string written;
  std::string flag;
  std::optional<std::string> value;
};

Token split(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  Token token{
      .written = argument.substr(0, equals), .flag = argument.substr(0, equals), .value = std::nullopt};
  std::replace(token.flag.begin(), token.flag.end(), '_', '-');
  if (equals != std::string::npos) token.value = argument.substr(equals + 1);
  return token;
}

const Option* option_of_flag(std::span<const Option> list, std::string_view flag) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Option& option) {
    return !option.flag.empty() && option.flag == flag;
  });
  return found == list.end() ? nullptr : &*found;
}

std::string suggest_flag(std::span<const Option> list, std::string_view flag) {
  std::vector<std::string> known = {std::string(kConfigFlag), "--help"};
  for (const Option& option : list) {
    if (option.flag.empty()) continue;
    known.emplace_back(option.flag);
    if (option.domain.kind == Kind::boolean)
      known.push_back(std::string(kNo) + std::string(option.flag.substr(2)));
  }
  const auto guess = nearest(flag, known);
  return guess ? "; did you mean " + *guess + "?" : "; --help lists every flag";
}

/// Walks the arguments; what is wrong is kept, and the walk goes on.
class FlagReader {
 public:
  FlagReader(std::span<const std::string> arguments, std::span<const Option> list)
      : arguments_(arguments), list_(list) {}

  ParsedFlags read() && {
    while (next_ < arguments_.size()) read_one(arguments_[next_++]);
    return std::move(parsed_);
  }

 private:
  void read_one(const std::string& argument) {
    if (argument == "-h" || argument == "--help") {
      parsed_.help = true;
    } else if (!argument.starts_with("--")) {
      refuse(argument, "is not a flag" + model_hint(argument));
    } else {
      read_flag(split(argument));
    }
  }

  void read_flag(const Token& token) {
    if (token.flag == kConfigFlag) {
      if (auto value = value_of(token, "the name of a TOML file")) parsed_.file = *value;
    } else if (const Option* option = option_of_flag(list_, token.flag)) {
      read_option(*option, token);
    } else if (const Option* negated = negated_option(token); negated != nullptr && !token.value) {
      parsed_.flags.push_back({std::string(negated->name), "false", token.written});
    } else {
      refuse(token.written, "is not known" + suggest_flag(list_, token.flag));
      skip_value_of_unknown(token);
    }
  }

  void read_option(const Option& option, const Token& token) {
    if (option.domain.kind == Kind::boolean) {
      parsed_.flags.push_back({std::string(option.name), token.value.value_or("true"), token.written});
    } else if (auto value = value_of(token, describe_spelling(option.domain))) {
      parsed_.flags.push_back({std::string(option.name), *value, token.written});
    }
  }

  /// The option that "--no-x" turns off.
  const Option* negated_option(const Token& token) const {
    if (!token.flag.starts_with(kNo)) return nullptr;
    const Option* option = option_of_flag(list_, "--" + token.flag.substr(kNo.size()));
    return option != nullptr && option->domain.kind == Kind::boolean ? option : nullptr;
  }

  /// The value after '=', or the next argument unless that is a flag itself.
  std::optional<std::string> value_of(const Token& token, const std::string& expected) {
    if (token.value) return token.value;
    if (next_ < arguments_.size() && !arguments_[next_].starts_with("--")) return arguments_[next_++];
    refuse(token.written, "needs a value: " + expected);
    return std::nullopt;
  }

  /// So that "--prot 8081" is one error and not two.
  void skip_value_of_unknown(const Token& token) {
    if (!token.value && next_ < arguments_.size() && !arguments_[next_].starts_with("-")) ++next_;
  }

  static std::string model_hint(const std::string& argument) {
    std::string escaped;
    append_escaped(escaped, argument);
    return argument.ends_with(".gguf") ? "; a model is named with --model " + escaped
                                       : "; --help lists every flag";
  }

  void refuse(const std::string& written, std::string message) {
    std::string escaped;
    append_escaped(escaped, std::string_view(written).substr(0, 100));
    parsed_.errors.push_back(
        {.source = "flag " + escaped, .line = 0, .column = 0, .option = "", .message = std::move(message)});
  }

  std::span<const std::string> arguments_;
  std::span<const Option> list_;
  std::size_t next_ = 0;
  ParsedFlags parsed_;
};

std::string placeholder(const Option& option) {
  switch (option.domain.kind) {
    case Kind::boolean:
      return "";
    case Kind::integer:
      return " N";
    case Kind::duration:
      return " TIME";
    case Kind::bytes:
      return " SIZE";
    case Kind::text:
      return " TEXT";
    case Kind::choice:
      break;
  }
  std::string words;
  for (const std::string_view word : option.domain.choices)
    words += (words.empty() ? " " : "|") + std::string(word);
  return words;
}

std::string help_of(const Option& option) {
  std::string text = "  " + std::string(option.flag) + placeholder(option) + '\n';
  std::string about(option.meaning);
  const std::string standard = format_value(option.domain, option.default_value());
  if (option.domain.kind == Kind::boolean)
    about += " Turned off by --no-" + std::string(option.flag.substr(2)) + '.';
  about += " (default " + (standard.empty() ? "empty" : standard) + "; " + option.environment() + ')';
  return text + wrap(about, "        ", 80);
}

}  // namespace

ParsedFlags parse_flags(std::span<const std::string> arguments, std::span<const Option> list) {
  return FlagReader(arguments, list).read();
}

std::string flags_help(std::span<const Option> list) {
  std::string text =
      "  --config FILE\n" +
      wrap("TOML file with options; flags win over the environment, the environment over the file.",
           "        ", 80);
  std::string_view section;
  for (const Option& option : list) {
    if (option.flag.empty()) continue;
    if (option.section() != section) {
      section = option.section();
      text += '\n' + std::string(section_title(section)) + ":\n";
    }
    text += help_of(option);
  }
  return text;
}

}  // namespace troupe::config
