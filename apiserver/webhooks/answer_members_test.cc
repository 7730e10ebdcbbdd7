#include "apiserver/webhooks/answer_members.h"

#include <gtest/gtest.h>

#include <string>

#include "api/codec/json.h"

namespace skiff {
namespace {

constexpr std::string_view kNames[] = {"kind", "in"};
constexpr std::string_view kInner[] = {"a", "b"};
constexpr AnswerMembers kMembers{.names = kNames, .inner = "in", .inner_names = kInner};

std::string Kept(std::string_view text) {
  const auto read = ReadAnswerMembers(text, kMembers);
  return read ? DumpJson(*read) : read.error().message;
}

std::string ManyEmpty(int count) {
  std::string text = "[";
  for (int i = 0; i < count; ++i) text += "{},";
  return text + "0]";
}

TEST(AnswerMembers, OnlyWhatIsNamedIsKept) {
  EXPECT_EQ(Kept(R"( {"kind":"K","x":{"kind":1},"in":{"a":[1,{"c":2}],"c":{"a":0}},"kind2":3} )"),
            R"({"in":{"a":[1,{"c":2}]},"kind":"K"})");
  EXPECT_EQ(Kept(R"({"\u006bind":"a\n\u00e9","in":{}})"), "{\"in\":{},\"kind\":\"a\\né\"}");
  EXPECT_EQ(Kept(R"({"kind":"K","in":{"a":1},"in":{"b":2},"kind":"L"})"),
            R"({"in":{"a":1,"b":2},"kind":"L"})");
  for (const char* whole : {R"({"in":null})", R"({"in":[1,{"c":2}]})", R"({"in":"x"})", "{}", "[7]",
                            "7", "null", R"("x")"}) {
    EXPECT_EQ(Kept(whole), whole);
  }
}

// A struct is read into once more, and so is a map; all else is replaced.
TEST(AnswerMembers, WhatIsRepeatedIsReadAsGoDoes) {
  EXPECT_EQ(Kept(R"({"in":{"a":{"x":1,"y":{"p":1}},"b":[1]},"in":{"a":{"y":{"q":2}},"b":[2]}})"),
            R"({"in":{"a":{"x":1,"y":{"p":1,"q":2}},"b":[2]}})");
  EXPECT_EQ(Kept(R"({"in":{"a":{"x":1},"a":{"y":2}}})"), R"({"in":{"a":{"x":1,"y":2}}})");
  EXPECT_EQ(Kept(R"({"kind":"K","in":{"a":1},"kind":null,"in":null})"),
            R"({"in":null,"kind":"K"})");
  EXPECT_EQ(Kept(R"({"in":{"a":1},"in":null,"in":{"b":2}})"), R"({"in":{"b":2}})");
  EXPECT_EQ(Kept(R"({"in":{"a":{"x":1}},"in":{"a":null}})"), R"({"in":{"a":null}})");
  EXPECT_EQ(Kept(R"({"in":{"a":1},"in":"x","in":{"b":2}})"), R"({"in":"x"})") << "it is none";
}

TEST(AnswerMembers, WhatIsNotKeptIsJsonAllTheSame) {
  EXPECT_EQ(Kept(R"({"x":[1,}]})"), ParseJson(R"({"x":[1,}]})").error().message);
  EXPECT_EQ(Kept(R"({"in":{"x":tru}})"), ParseJson(R"({"in":{"x":tru}})").error().message);
  EXPECT_EQ(Kept("{} 7"), ParseJson("{} 7").error().message);
  EXPECT_EQ(Kept(R"({"in":{"a":1e999}})"), ParseJson("1e999").error().message);
  EXPECT_EQ(Kept(R"({"x":1e999,"in":{"c":1e999}})"), R"({"in":{}})") << "as Go does not read it";
}

TEST(AnswerMembers, WhatIsKeptHasABound) {
  const std::string many = ManyEmpty(1000);
  AnswerMembers members = kMembers;
  members.document_bytes_max = 50'000;
  EXPECT_TRUE(ReadAnswerMembers(R"({"x":)" + many + R"(,"in":{"c":)" + many + "}}", members));
  for (const std::string& large : {R"({"kind":)" + many + "}", R"({"in":)" + many + "}",
                                   R"({"in":{"a":)" + many + "}}", many}) {
    const auto read = ReadAnswerMembers(large, members);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "the answer takes more than 50000 bytes of memory");
    EXPECT_TRUE(ReadAnswerMembers(large, kMembers));
  }
}

// Eight characters would take sixteen bytes, and twice that while they become more.
TEST(AnswerMembers, WhatIsRepeatedWithoutEndIsNotNoted) {
  const auto repeated = [](const std::string& member, int count) {
    std::string text = "{" + member;
    for (int i = 1; i < count; ++i) text += "," + member;
    return text + "}";
  };
  constexpr const char* kRefused = "the answer repeats its members more than 10000 times";
  EXPECT_EQ(Kept(repeated(R"("kind":1)", 10'000)), R"({"kind":1})");
  EXPECT_EQ(Kept(repeated(R"("kind":1)", 10'001)), kRefused);
  EXPECT_EQ(Kept(repeated(R"("in":{})", 10'001)), kRefused);
  const std::string inner = R"("in":)" + repeated(R"("a":1)", 100);
  EXPECT_EQ(Kept(repeated(inner, 99)), R"({"in":{"a":1}})");
  EXPECT_EQ(Kept(repeated(inner, 100)), kRefused);
  EXPECT_EQ(Kept(repeated(R"("x":1)", 20'000)), "{}");
}

}  // namespace
}  // namespace skiff
