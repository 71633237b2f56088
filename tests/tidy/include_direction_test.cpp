// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tidy/include_rules.hpp"

namespace troupe::tidy {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string check(std::vector<SourceFile> files) {
  return report(check_includes(files));
}

TEST(IncludeDirection, HoldsInEveryFileOfTheRepository) {
  const auto files = read_source_tree();
  ASSERT_GT(files.size(), 20U) << "the source tree was not found below " << TROUPE_SOURCE_DIR;
  EXPECT_THAT(report(check_includes(files)), IsEmpty());
}

TEST(IncludeDirection, NamesFileAndLineOfALowerFolderThatIncludesAHigherOne) {
  EXPECT_THAT(check({{"model/a.cpp", "\n#include \"net/b.hpp\"\n"}, {"net/b.hpp", ""}}),
              HasSubstr("model/a.cpp:2: model must not include net"));
}

TEST(IncludeDirection, KeepsNetAndGpuApart) {
  EXPECT_THAT(check({{"net/a.cpp", "#include \"gpu/b.hpp\"\n"}, {"gpu/b.hpp", ""}}),
              HasSubstr("net must not include gpu"));
  EXPECT_THAT(check({{"gpu/a.cpp", "#include \"net/b.hpp\"\n"}, {"net/b.hpp", ""}}),
              HasSubstr("gpu must not include net"));
}

TEST(IncludeDirection, LetsAHigherFolderIncludeLowerOnes) {
  EXPECT_THAT(check({{"actors/a.cpp", "#include \"gpu/b.hpp\"\n#include \"config/c.hpp\"\n"},
                     {"gpu/b.hpp", "#include \"model/d.hpp\"\n"},
                     {"config/c.hpp", ""},
                     {"model/d.hpp", ""}}),
              IsEmpty());
}

TEST(IncludeDirection, KeepsProductionFreeOfTests) {
  EXPECT_THAT(check({{"actors/a.cpp", "#include \"tests/b.hpp\"\n"}, {"tests/b.hpp", ""}}),
              HasSubstr("actors must not include tests"));
}

TEST(IncludeDirection, FencesEachLibrary) {
  EXPECT_THAT(check({{"actors/scheduler/scheduler.cpp", "#include <caf/all.hpp>\n"}}), HasSubstr("CAF"));
  EXPECT_THAT(check({{"actors/scheduler/scheduler_actor.cpp", "#include <caf/all.hpp>\n"}}), IsEmpty());
  EXPECT_THAT(check({{"actors/a.cpp", "#include <boost/asio.hpp>\n"}}), HasSubstr("Boost"));
  EXPECT_THAT(check({{"config/schema.cpp", "#include <toml++/toml.h>\n"}}), HasSubstr("toml++"));
  EXPECT_THAT(check({{"config/load.cpp", "#include <toml++/toml.h>\n"}}), IsEmpty());
  EXPECT_THAT(check({{"model/a.cpp", "#include <cuda_runtime.h>\n"}}), HasSubstr("CUDA"));
}

TEST(IncludeDirection, FindsALibraryThatIsOnlyForwardDeclared) {
  EXPECT_THAT(check({{"actors/a.hpp", "\nnamespace caf { class actor; }\n"}}), HasSubstr("actors/a.hpp:2"));
}

TEST(IncludeDirection, IgnoresCommentsAndTexts) {
  EXPECT_THAT(check({{"model/a.cpp", "// caf::actor\n/* boost::asio */ const char* s = \"toml::table\";\n"}}),
              IsEmpty());
}

TEST(IncludeDirection, FindsALibraryBehindAHeaderThatAnotherFolderIncludes) {
  EXPECT_THAT(check({{"actors/a.cpp", "#include \"net/b.hpp\"\n"},
                     {"net/b.hpp", "#include \"net/c.hpp\"\n"},
                     {"net/c.hpp", "#include <boost/asio.hpp>\n"}}),
              HasSubstr("actors/a.cpp:1: \"net/b.hpp\" brings Boost into another folder"));
}

TEST(IncludeDirection, WantsPathsFromTheRoot) {
  EXPECT_THAT(check({{"net/a.cpp", "#include \"b.hpp\"\n"}, {"net/b.hpp", ""}}),
              HasSubstr("not a path from"));
  EXPECT_THAT(check({{"net/a.cpp", "#include <net/b.hpp>\n"}, {"net/b.hpp", ""}}), HasSubstr("in quotes"));
}

}  // namespace
}  // namespace troupe::tidy
