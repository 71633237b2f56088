// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/source_tree.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace troupe::tidy {
namespace {

constexpr std::array<std::string_view, 13> kTextSuffixes = {".cpp",  ".hpp",  ".cu",     ".md",    ".py",
                                                            ".sh",   ".toml", ".txt",    ".cmake", ".json",
                                                            ".yaml", ".yml",  ".service"};

bool is_text(const std::filesystem::path& path) {
  const std::string suffix = path.extension().string();
  return std::find(kTextSuffixes.begin(), kTextSuffixes.end(), suffix) != kTextSuffixes.end() ||
         path.parent_path().filename() == ".ci";
}

bool is_skipped_folder(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return (name.front() == '.' && name != ".ci") || name == "build" || name == "__pycache__" ||
         name == "shared";
}

/// Copies `text` with everything that is not code replaced by spaces, one character at a time.
class CodeReader {
 public:
  explicit CodeReader(std::string_view text) : text_(text), out_(text) {}

  std::string read() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        blank_until("\n", 0);
      } else if (starts("/*")) {
        blank_until("*/", 2);
      } else if (starts("R\"")) {
        const std::size_t open = text_.find('(', at_);
        if (open == std::string_view::npos) return out_;
        const std::string end = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
        at_ = open + 1;
        blank_until(end, end.size());
      } else if (text_[at_] == '"' && !in_include_line()) {
        blank_quoted('"');
      } else if (text_[at_] == '\'' && !is_digit_separator()) {
        blank_quoted('\'');
      } else {
        ++at_;
      }
    }
    return out_;
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  bool in_include_line() const {
    const std::size_t start = text_.rfind('\n', at_) + 1;  // npos + 1 is 0
    const std::string_view line = text_.substr(start, at_ - start);
    return line.find('#') != std::string_view::npos && line.find("include") != std::string_view::npos;
  }

  void blank(std::size_t index) {
    if (out_[index] != '\n') out_[index] = ' ';
  }

  void blank_until(std::string_view end, std::size_t end_size) {
    const std::size_t found = text_.find(end, at_);
    const std::size_t stop = found == std::string_view::npos ? text_.size() : found + end_size;
    while (at_ < stop) blank(at_++);
  }

  bool is_digit_separator() const {
    return at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }

  void blank_quoted(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\') blank(at_++);
      if (at_ < text_.size()) blank(at_);
    }
    ++at_;
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<SourceFile> read_source_tree() {
  namespace fs = std::filesystem;
  const fs::path root = TROUPE_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
       ++entry) {
    if (entry->is_directory()) {
      if (is_skipped_folder(entry->path())) entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file() || !is_text(entry->path())) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    files.push_back({entry->path().lexically_relative(root).generic_string(),
                     std::string(std::istreambuf_iterator<char>(in), {})});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::string code_only(std::string_view text) {
  return CodeReader(text).read();
}

bool is_header(std::string_view path) {
  return path.ends_with(".hpp");
}
bool is_cpp(std::string_view path) {
  return is_header(path) || path.ends_with(".cpp") || path.ends_with(".cu");
}

std::string_view top_folder(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string report(const std::vector<Violation>& violations) {
  std::string text;
  for (const auto& violation : violations) {
    text += violation.path + ":" + std::to_string(violation.line) + ": " + violation.what + "\n";
  }
  return text;
}

}  // namespace troupe::tidy
