// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/include_rules.hpp"

#include <algorithm>
#include <array>
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

/// A library that may be named in some files only. `name`: what code must not say elsewhere.
struct FencedLibrary {
  const char* library;
  const char* header;   ///< regular expression of the included path
  const char* name;     ///< regular expression of its use in code
  const char* allowed;  ///< regular expression of the paths that may name it
  const char* where;
};

const std::array<FencedLibrary, 6> kFenced = {{
    {"CAF", "caf/.*", R"(\b(caf::|namespace caf\b|CAF_[A-Z]))",
     R"(actors/(.*_actor\.[ch]pp|protocol\.hpp|messages\.hpp|main\.cpp)|tests/(actors|flow|faults|support)/.*)",
     "actors/: *_actor.*, protocol.hpp, messages.hpp, main.cpp"},
    {"Boost", "boost/.*", R"(\b(boost::|namespace boost\b))", R"((net|tests/(net|actors|flow))/.*)", "net/"},
    {"UCX", "uc[pst]/.*", R"(\buc[pst]_[a-z])", R"((net|tests/(net|actors|flow))/.*)", "net/"},
    {"gRPC", "(grpc|grpcpp)/.*", R"(\bgrpc::)", R"((net|tests/(net|actors|flow))/.*)", "net/"},
    {"CUDA", "(cuda|cublas|cudnn|nccl).*", R"(\b(cuda[A-Z]|cublas[A-Z]|nccl[A-Z]))", R"((gpu|tests/gpu)/.*)",
     "gpu/"},
    {"toml++", "toml\\+\\+/.*", R"(\btoml::)", R"(config/load\.cpp)", "config/load.cpp"},
}};

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
    for (const auto& fenced : kFenced) {
      if (std::regex_match(include.target, std::regex(fenced.header)) &&
          !std::regex_match(path, std::regex(fenced.allowed))) {
        add(path, include.line,
            "<" + include.target + ">: " + fenced.library + " may be named only in " + fenced.where);
      }
    }
  }

  void check_names(const std::string& path) {
    for (const auto& fenced : kFenced) {
      if (std::regex_match(path, std::regex(fenced.allowed))) continue;
      const std::regex name(fenced.name);
      int line = 0;
      for (const auto text : lines_of(code_[path])) {
        ++line;
        if (text.find("include") == std::string_view::npos &&
            std::regex_search(text.begin(), text.end(), name)) {
          add(path, line, std::string(fenced.library) + " may be named only in " + fenced.where);
        }
      }
    }
  }

  /// The fenced library that a header includes, itself or through others; empty when none.
  std::string heavy_library(const std::string& header, std::set<std::string>& seen) {
    if (!seen.insert(header).second) return "";
    for (const auto& include : includes_[header]) {
      if (!include.quoted) {
        for (const auto& fenced : kFenced) {
          if (std::regex_match(include.target, std::regex(fenced.header))) return fenced.library;
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
