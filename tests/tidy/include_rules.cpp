// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/include_rules.hpp"

#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>

namespace troupe::tidy {
namespace {

struct Include {
  int line = 0;
  bool quoted = false;
  std::string target;
};

/// A library that may be named in some files only.
struct FencedLibrary {
  std::string library;
  std::regex header;   ///< the included paths
  std::regex name;     ///< its use in code
  std::regex allowed;  ///< the paths that may name it
  std::string where;
};

const std::vector<FencedLibrary>& fenced_libraries() {
  const auto fast = std::regex::ECMAScript | std::regex::optimize;
  static const std::vector<FencedLibrary> libraries = {
      {"CAF", std::regex("caf/.*", fast), std::regex(R"(\b(caf::|namespace caf\b|CAF_[A-Z]))", fast),
       std::regex(R"(actors/(.*_actor\.[ch]pp|protocol\.hpp|messages\.hpp|main\.cpp)|)"
                  R"(tests/(actors|flow|faults|support)/.*)"),
       "actors/: *_actor.*, protocol.hpp, messages.hpp, main.cpp"},
      {"Boost", std::regex("boost/.*", fast), std::regex(R"(\b(boost::|namespace boost\b))", fast),
       std::regex(R"((net|tests/(net|actors|flow))/.*)"), "net/"},
      {"UCX", std::regex("uc[pst]/.*", fast), std::regex(R"(\buc[pst]_[a-z])", fast),
       std::regex(R"((net|tests/net)/.*)"), "net/"},
      {"gRPC", std::regex("(grpc|grpcpp)/.*", fast), std::regex(R"(\bgrpc::)", fast),
       std::regex(R"((net|tests/net)/.*)"), "net/"},
      {"CUDA", std::regex("(cuda|cublas|cudnn|nccl).*", fast),
       std::regex(R"(\b(cuda[A-Z]|cublas[A-Z]|nccl[A-Z]))", fast), std::regex(R"((gpu|tests/gpu)/.*)"),
       "gpu/"},
      {"toml++", std::regex("toml\\+\\+/.*", fast), std::regex(R"(\btoml::)", fast),
       std::regex(R"(config/load\.cpp)"), "config/load.cpp"},
  };
  return libraries;
}

std::optional<int> layer_of(std::string_view folder) {
  static const std::map<std::string_view, int> layers = {
      {"config", 0}, {"telemetry", 1}, {"model", 2}, {"net", 3}, {"gpu", 3}, {"actors", 4}, {"tests", 5}};
  const auto found = layers.find(folder);
  return found == layers.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Include> includes_of(const std::string& code) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  std::vector<Include> includes;
  int line = 0;
  for (const auto text : lines_of(code)) {
    ++line;
    std::match_results<std::string_view::const_iterator> match;
    if (std::regex_search(text.begin(), text.end(), match, pattern)) {
      includes.push_back({line, match[1] == "\"", match[2]});
    }
  }
  return includes;
}

class Checker {
 public:
  explicit Checker(const std::vector<SourceFile>& files) {
    for (const auto& file : files) {
      if (!is_cpp(file.path)) continue;
      code_[file.path] = code_only(file.text);
      includes_[file.path] = includes_of(code_[file.path]);
    }
  }

  std::vector<Violation> check() {
    for (const auto& [path, includes] : includes_) {
      for (const auto& include : includes) check_include(path, include);
      check_names(path);
    }
    return violations_;
  }

 private:
  void add(const std::string& path, int line, std::string what) {
    violations_.push_back({path, line, std::move(what)});
  }

  void check_include(const std::string& path, const Include& include) {
    const auto target_layer = layer_of(top_folder(include.target));
    if (!include.quoted) {
      if (target_layer) add(path, include.line, "<" + include.target + "> is ours: include it in quotes");
      check_library(path, include);
      return;
    }
    if (!includes_.contains(include.target)) {
      add(path, include.line, "\"" + include.target + "\" is not a path from the repository root");
      return;
    }
    const auto layer = layer_of(top_folder(path));
    const bool same_folder = top_folder(path) == top_folder(include.target);
    if (!same_folder && layer && target_layer && *target_layer >= *layer) {
      add(path, include.line,
          std::string(top_folder(path)) + " must not include " + std::string(top_folder(include.target)) +
              " (\"" + include.target + "\")");
    }
    if (same_folder || layer == layer_of("tests")) return;
    std::set<std::string> seen;
    if (const std::string library = heavy_library(include.target, seen); !library.empty()) {
      add(path, include.line, "\"" + include.target + "\" brings " + library + " into another folder");
    }
  }

  void check_library(const std::string& path, const Include& include) {
    for (const auto& fenced : fenced_libraries()) {
      if (std::regex_match(include.target, fenced.header) && !std::regex_match(path, fenced.allowed)) {
        add(path, include.line,
            "<" + include.target + ">: " + fenced.library + " may be named only in " + fenced.where);
      }
    }
  }

  void check_names(const std::string& path) {
    for (const auto& fenced : fenced_libraries()) {
      if (std::regex_match(path, fenced.allowed)) continue;
      int line = 0;
      for (const auto text : lines_of(code_[path])) {
        ++line;
        if (text.find("include") == std::string_view::npos &&
            std::regex_search(text.begin(), text.end(), fenced.name)) {
          add(path, line, fenced.library + " may be named only in " + fenced.where);
        }
      }
    }
  }

  /// The fenced library that a header includes, itself or through others; empty when none.
  std::string heavy_library(const std::string& header, std::set<std::string>& seen) {
    if (!seen.insert(header).second) return "";
    for (const auto& include : includes_[header]) {
      if (!include.quoted) {
        for (const auto& fenced : fenced_libraries()) {
          if (std::regex_match(include.target, fenced.header)) return fenced.library;
        }
      } else if (includes_.contains(include.target)) {
        if (auto library = heavy_library(include.target, seen); !library.empty()) return library;
      }
    }
    return "";
  }

  std::map<std::string, std::string> code_;
  std::map<std::string, std::vector<Include>> includes_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> check_includes(const std::vector<SourceFile>& files) {
  return Checker(files).check();
}

}  // namespace troupe::tidy
