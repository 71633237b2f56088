// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What the tidiness checks read: the files of this repository, and the places in them that break a rule.
namespace troupe::tidy {

/// A text file; `path` is relative to the repository root, with slashes.
struct SourceFile {
  std::string path;
  std::string text;
};

/// Where a rule is broken, printed as "file:line: what".
struct Violation {
  std::string path;
  int line = 0;
  std::string what;
};

/// Every text file of the repository below its root, sorted by path, without build outputs, caches and git's
/// own.
std::vector<SourceFile> read_source_tree();

/// The lines of a text, without their line ends.
std::vector<std::string_view> lines_of(std::string_view text);

/// C++ with comments and the contents of string literals blanked; line numbers stay as they were.
std::string code_only(std::string_view text);

bool is_cpp(std::string_view path);
bool is_header(std::string_view path);
/// "net" for "net/http/server.hpp"; empty for a file in the root.
std::string_view top_folder(std::string_view path);
std::string_view file_name(std::string_view path);

/// One violation a line; empty when there is none.
std::string report(const std::vector<Violation>& violations);

}  // namespace troupe::tidy
