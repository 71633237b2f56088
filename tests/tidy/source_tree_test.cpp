// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/source_tree.hpp"

#include <gtest/gtest.h>

namespace troupe::tidy {
namespace {

TEST(CodeOnly, BlanksCommentsAndKeepsLines) {
  EXPECT_EQ(code_only("int a; // b\nint c; /* d\n e */ int f;"), "int a;     \nint c;     \n      int f;");
}

TEST(CodeOnly, BlanksTextsWithQuotesAndSlashesInThem) {
  EXPECT_EQ(code_only(R"(f("a\"//b"); // c)"), "f(\"      \");     ");
}

TEST(CodeOnly, BlanksRawTexts) {
  EXPECT_EQ(code_only("R\"x(a)b)x\"; g"), "R\"x(      ; g");
}

TEST(CodeOnly, TakesAQuoteCharacterForNoText) {
  EXPECT_EQ(code_only("f('\"'); g(1'000); // h"), "f(' '); g(1'000);     ");
}

TEST(CodeOnly, KeepsIncludedPaths) {
  EXPECT_EQ(code_only("#include \"model/ids.hpp\""), "#include \"model/ids.hpp\"");
}

TEST(LinesOf, SplitsWithoutLosingEmptyLines) {
  EXPECT_EQ(lines_of("a\n\nb"), (std::vector<std::string_view>{"a", "", "b"}));
}

TEST(Paths, AreTakenApart) {
  EXPECT_EQ(top_folder("net/http/server.hpp"), "net");
  EXPECT_EQ(top_folder("README.md"), "");
  EXPECT_EQ(file_name("net/http/server.hpp"), "server.hpp");
  EXPECT_EQ(file_name("README.md"), "README.md");
}

}  // namespace
}  // namespace troupe::tidy
