// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "tests/tidy/source_tree.hpp"

namespace troupe::tidy {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

/// Links of Markdown files to files that are not there. Web addresses and places within a page are not
/// followed.
std::vector<Violation> find_broken_links(const std::vector<SourceFile>& files, const fs::path& root) {
  static const std::regex link(R"(\]\(([^)#\s]+)[^)]*\))");
  static const std::regex web("[a-z]+:.*");
  std::vector<Violation> violations;
  for (const auto& file : files) {
    if (!file.path.ends_with(".md")) continue;
    int number = 0;
    for (const auto line : lines_of(file.text)) {
      ++number;
      using Iterator = std::regex_iterator<std::string_view::const_iterator>;
      for (Iterator match(line.begin(), line.end(), link); match != Iterator(); ++match) {
        const std::string target = (*match)[1];
        if (std::regex_match(target, web)) continue;
        if (!fs::exists(root / fs::path(file.path).parent_path() / target)) {
          violations.push_back({file.path, number, "links to " + target + ", which does not exist"});
        }
      }
    }
  }
  return violations;
}

/// Folders that hold files of their own but no README.md. Below tests/ the README of tests/ speaks for the
/// mirror of the tree.
std::vector<Violation> find_folders_without_readme(const std::vector<SourceFile>& files) {
  std::set<std::string> folders;
  std::set<std::string> described = {"", ".ci"};
  for (const auto& file : files) {
    const std::string folder = fs::path(file.path).parent_path().generic_string();
    if (file_name(file.path) == "README.md") described.insert(folder);
    folders.insert(top_folder(file.path) == "tests" ? "tests" : folder);
  }
  std::vector<Violation> violations;
  for (const auto& folder : folders) {
    if (!described.contains(folder)) violations.push_back({folder + "/README.md", 1, "is missing"});
  }
  return violations;
}

TEST(Documents, LinkOnlyToFilesThatExist) {
  EXPECT_THAT(report(find_broken_links(read_source_tree(), TROUPE_SOURCE_DIR)), IsEmpty());
}

TEST(Documents, WithABrokenLinkAreFound) {
  const std::vector<SourceFile> files = {
      {"net/README.md", "\n[a](nowhere.md#b) [b](https://example.org) [c](#d)"}};
  EXPECT_EQ(report(find_broken_links(files, TROUPE_SOURCE_DIR)),
            "net/README.md:2: links to nowhere.md, which does not exist\n");
}

TEST(Documents, DescribeEveryFolder) {
  EXPECT_THAT(report(find_folders_without_readme(read_source_tree())), IsEmpty());
}

TEST(Documents, MissingFromAFolderAreFound) {
  EXPECT_THAT(report(find_folders_without_readme({{"net/README.md", ""}, {"net/http/a.cpp", ""}})),
              HasSubstr("net/http/README.md"));
}

}  // namespace
}  // namespace troupe::tidy
