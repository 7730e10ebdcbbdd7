#include "proxy/ingress/haproxy_contents.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Files = std::map<std::string, std::string>;

std::vector<std::string> TextsOf(const Files& before, const Files& after) {
  const auto commands = ContentChanges(before, after);
  if (!commands) return {"a reload"};
  std::vector<std::string> texts;
  for (const ContentCommand& each : *commands) texts.push_back(each.text);
  return texts;
}

TEST(HaproxyContentsTest, NothingIsSaidOfWhatIsTheSame) {
  const Files files = {{"exact.map", "a b\n"}, {"default.pem", "x"}};
  EXPECT_THAT(TextsOf(files, files), IsEmpty());
}

TEST(HaproxyContentsTest, WhatIsNewInAMapComesBeforeWhatGoes) {
  EXPECT_THAT(TextsOf({{"exact.map", "gone x\n"}, {"prefix.map", "a%2F x\nb%2F x\nold%2F x\n"}},
                      {{"exact.map", ""}, {"prefix.map", "a%2F x\nb%2F y\nnew%2F z\n"}}),
              ElementsAre("set map prefix.map b%2F y", "add map prefix.map new%2F z",
                          "del map exact.map gone", "del map prefix.map old%2F"));
}

TEST(HaproxyContentsTest, ACertificateIsHandedOverWhole) {
  const std::string file = "certificates/a.pem";
  EXPECT_THAT(TextsOf({{file, "old\n"}}, {{file, "new\n"}}),
              ElementsAre("set ssl cert certificates/a.pem <<\nnew\n",
                          "commit ssl cert certificates/a.pem"));
  EXPECT_THAT(TextsOf({{file, "old\n"}}, {{file, std::string(16 << 10, 'x')}}),
              ElementsAre("a reload"));
}

TEST(HaproxyContentsTest, TheRestWantsAReload) {
  EXPECT_THAT(TextsOf({{"default.pem", "x"}}, {{"default.pem", "y"}}), ElementsAre("a reload"));
  EXPECT_THAT(TextsOf({}, {{"certificates/a.pem", "y"}}), ElementsAre("a reload"));
  std::string many;
  for (size_t i = 0; i <= kContentCommandsMax; ++i) many += fmt::format("k{} v\n", i);
  EXPECT_THAT(TextsOf({{"exact.map", ""}}, {{"exact.map", many}}), ElementsAre("a reload"));
}

TEST(HaproxyContentsTest, AnswersSayWhetherItWasDone) {
  EXPECT_TRUE(IsContentDone({"add map x y z", ""}, "\n"));
  EXPECT_FALSE(IsContentDone({"add map x y z", ""}, "Unknown map identifier.\n"));
  EXPECT_TRUE(IsContentDone({"commit ssl cert x", "Success!"}, "Committing x.\nSuccess!\n"));
  EXPECT_FALSE(IsContentDone({"commit ssl cert x", "Success!"}, "No ongoing transaction!\n"));
}

}  // namespace
}  // namespace skiff::ingress
