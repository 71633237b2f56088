// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/tidy/source_tree.hpp"

namespace troupe::tidy {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// A text that must not stand in a file. `except`: regular expression of the paths where it may.
struct Leftover {
  const char* pattern;
  const char* except;
  const char* what;
};

const Leftover kLeftovers[] = {
    {R"(\b(TODO|FIXME|HACK|XXX)\b(?!\(#\d+\)))", "tests/tidy/.*",
     "a note to do without its issue: TODO(#123)"},
    {"/work/|/tmp/", "tests/.*", "a path of one machine"},
    {"<<<<<<< |>>>>>>> ", "tests/tidy/.*", "an unresolved merge"},
};

std::vector<Violation> find_leftovers(const std::vector<SourceFile>& files) {
  std::vector<Violation> violations;
  for (const auto& leftover : kLeftovers) {
    const std::regex pattern(leftover.pattern, std::regex::optimize);
    const std::regex except(leftover.except);
    for (const auto& file : files) {
      if (std::regex_match(file.path, except)) continue;
      int line = 0;
      for (const auto text : lines_of(file.text)) {
        ++line;
        if (std::regex_search(text.begin(), text.end(), pattern)) {
          violations.push_back({file.path, line, leftover.what});
        }
      }
    }
  }
  return violations;
}

/// The comment mark of a file that must name its licence; empty when it need not.
std::string_view comment_mark(const std::string& path) {
  if (is_cpp(path)) return "// ";
  if (path.ends_with(".py") || path.ends_with(".sh") || top_folder(path) == ".ci") return "# ";
  return "";
}

std::vector<Violation> find_missing_licences(const std::vector<SourceFile>& files) {
  std::vector<Violation> violations;
  for (const auto& file : files) {
    const std::string_view mark = comment_mark(file.path);
    const auto lines = lines_of(file.text);
    if (mark.empty() || lines.empty()) continue;
    const std::size_t first = lines[0].starts_with("#!") ? 1 : 0;
    const std::string wanted = std::string(mark) + "SPDX-License-Identifier: Apache-2.0";
    if (lines.size() <= first || lines[first] != wanted) {
      violations.push_back({file.path, static_cast<int>(first) + 1, "must be: " + wanted});
    }
  }
  return violations;
}

/// Sources that no list of CMake's names: they are never compiled, so nothing keeps them right.
std::vector<Violation> find_unlisted_sources(const std::vector<SourceFile>& files) {
  std::vector<Violation> violations;
  for (const auto& file : files) {
    if (!file.path.ends_with(".cpp")) continue;
    bool listed = false;
    for (const auto& list : files) {
      const bool is_list = file_name(list.path) == "CMakeLists.txt" || list.path.ends_with(".cmake");
      if (!is_list || top_folder(list.path) != top_folder(file.path)) continue;
      listed = listed || list.text.find(file_name(file.path)) != std::string::npos;
    }
    if (!listed) violations.push_back({file.path, 1, "stands in no CMake source list"});
  }
  return violations;
}

TEST(Leftovers, AreNowhereInTheRepository) {
  EXPECT_THAT(report(find_leftovers(read_source_tree())), IsEmpty());
}

TEST(Leftovers, AreFoundWithFileAndLine) {
  EXPECT_THAT(report(find_leftovers({{"model/a.cpp", "\n// TODO later\n"}})), HasSubstr("model/a.cpp:2"));
  EXPECT_THAT(report(find_leftovers({{"README.md", "see /tmp/x"}})), HasSubstr("README.md:1"));
  EXPECT_THAT(report(find_leftovers({{"model/a.cpp", "// TODO(#12) later, mkstemp(\"x-XXXXXX\")\n"}})),
              IsEmpty());
}

TEST(Licences, StandOnTheFirstLineOfEverySource) {
  EXPECT_THAT(report(find_missing_licences(read_source_tree())), IsEmpty());
}

TEST(Licences, MayFollowTheInterpreterLine) {
  EXPECT_THAT(report(find_missing_licences({{"a.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"}})),
              IsEmpty());
  EXPECT_THAT(report(find_missing_licences({{"net/a.hpp", "#pragma once\n"}})), HasSubstr("net/a.hpp:1"));
}

TEST(Sources, StandInACMakeList) {
  EXPECT_THAT(report(find_unlisted_sources(read_source_tree())), IsEmpty());
}

TEST(Sources, ThatNoListNamesAreFound) {
  EXPECT_THAT(report(find_unlisted_sources({{"net/CMakeLists.txt", "a.cpp"}, {"net/b.cpp", ""}})),
              HasSubstr("net/b.cpp"));
}

}  // namespace
}  // namespace troupe::tidy
