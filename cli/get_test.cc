#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class GetTest : public ProgramTest {};

// kubectl prints no table that it cannot sort, and then says that there was none.
TEST_F(GetTest, WhyATableCannotBeSortedIsToldToWhoSaysSkiff) {
  server_ = ServerOf("example.com", {{"widgets", "Widget"}},
                     {{"/apis/example.com/v1/namespaces/default/widgets",
                       R"({"apiVersion": "example.com/v1", "kind": "WidgetList", "items": [
                          {"metadata": {"name": "one"}}, {"metadata": {"name": "two"}}]})"}});
  const std::vector<std::string> absent = {"widgets", "--sort-by=.nothing"};
  EXPECT_EQ(Run("get", absent), 0);
  EXPECT_EQ(out_ + err_, "No resources found in default namespace.\n");
  EXPECT_EQ(Run("get", {"widgets", "--sort-by=.nothing", "-o", "name"}), 1);
  program_ = "skiff";
  EXPECT_EQ(Run("get", absent), 1);
  EXPECT_EQ(err_,
            "error: couldn't find any field with path \"{.nothing}\" in the list of objects\n");
}

// As kubectl's tables have it; other forms tell an error that is alone as one.
TEST_F(GetTest, WhatIsWrongBesideATableHasNoWordBeforeIt) {
  server_ = ServerOf("example.com", {}, {});
  input_ = "a: [";
  EXPECT_EQ(Run("get", {"-f", "-"}), 1);
  EXPECT_TRUE(err_.starts_with("error parsing STDIN: ")) << err_;
  EXPECT_EQ(Run("get", {"-f", "-", "-o", "name"}), 1);
  EXPECT_TRUE(err_.starts_with("error: error parsing STDIN: ")) << err_;
  const std::string wrong = "invalid namespace \"a/b\": [may not contain '/']\n";
  EXPECT_EQ(Run("get", {"pods", "-n", "a/b"}), 1);
  EXPECT_EQ(err_, wrong);
  EXPECT_EQ(Run("get", {"pods", "-n", "a/b", "-o", "name"}), 1);
  EXPECT_EQ(err_, "error: " + wrong);
}

TEST_F(GetTest, AFileOfNothingIsNothingFound) {
  server_ = ServerOf("example.com", {}, {});
  EXPECT_EQ(Run("get", {"-f", "-"}), 0);
  EXPECT_EQ(out_ + err_, "No resources found in default namespace.\n");
}

}  // namespace
}  // namespace skiff::cli
