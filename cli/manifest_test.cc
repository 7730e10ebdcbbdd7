// What words behind -f and -k stand for, before anything of it is read.
#include <gmock/gmock.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ManifestTest : public ProgramTest {
 protected:
  ManifestTest() { server_ = ServerOf("", {}, {}); }
};

TEST_F(ManifestTest, OfSeveralPathsThatAreNotThereEachIsTold) {
  for (const std::string verb : {"apply", "create", "delete", "get", "describe"}) {
    EXPECT_EQ(Run(verb, {"-f", "/no/a", "-f", "/no/b"}), 1);
    EXPECT_EQ(err_, "the path \"/no/a\" does not exist\nthe path \"/no/b\" does not exist\n")
        << verb;
    EXPECT_EQ(Run(verb, {"-f", "/no/a"}), 1);
    EXPECT_EQ(err_, "error: the path \"/no/a\" does not exist\n") << verb;
  }
  EXPECT_EQ(Run("apply", {"-f", "-", "-f", "/no/a", "-f", "-"}), 1);
  EXPECT_EQ(err_,
            "the path \"/no/a\" does not exist\n"
            "standard input cannot be used for multiple arguments\n");
}

TEST_F(ManifestTest, WhatIsNotBuiltIsToldAsEachVerbDoes) {
  for (const std::string verb : {"get", "describe"}) {
    EXPECT_EQ(Run(verb, {"-k", "/no/a"}), 1);
    EXPECT_THAT(err_, StartsWith("must build at directory: ")) << verb;
  }
  EXPECT_EQ(Run("rollout", {"pause", "-k", "/no/a"}), 1);
  EXPECT_THAT(err_, StartsWith("must build at directory: "));
  EXPECT_EQ(Run("apply", {"-k", "/no/a"}), 1);
  EXPECT_THAT(err_, StartsWith("error: must build at directory: "));
  EXPECT_EQ(Run("get", {"-k", "/no/a", "-o", "name"}), 1);
  EXPECT_THAT(err_, StartsWith("error: must build at directory: "));
}

TEST_F(ManifestTest, SomeVerbsBuildNothing) {
  const std::vector<std::vector<std::string>> lines = {{"wait", "-k", "x"},
                                                       {"set", "selector", "-k", "x"},
                                                       {"apply", "set-last-applied", "-k", "x"}};
  for (const auto& line : lines) {
    EXPECT_EQ(Run(line[0], {line.begin() + 1, line.end()}), 1);
    EXPECT_THAT(err_, HasSubstr("unknown shorthand flag: 'k' in -k\n")) << line[0];
  }
}

}  // namespace
}  // namespace skiff::cli
