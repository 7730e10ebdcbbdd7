#include "api/codec/document_bytes.h"

#include <gtest/gtest.h>

#include <string>

#include "api/codec/json.h"

namespace skiff {
namespace {

std::string ManyItems(std::string_view item, int count) {
  std::string text = "[";
  for (int i = 0; i < count; ++i) text += std::string(item) + ",";
  text.back() = ']';
  return text;
}

TEST(DocumentBytes, ATextTellsWhatItsDocumentTakes) {
  for (const char* item :
       {"{}", "[]", "0", R"("")", R"({"a":{"b":[1,2]}})", R"("a, \"b\": {[,,,:::\\")",
        R"({"metadata":{"name":"a-name","labels":{"app":"x"}},"spec":{"ports":[{"port":80}]}})"}) {
    const std::string text = ManyItems(item, 1000);
    const size_t takes = DocumentBytes(*ParseJson(text));
    EXPECT_GE(DocumentBytesOf(text), takes) << item;
    EXPECT_LE(DocumentBytesOf(text), 2 * takes) << item;
    EXPECT_LE(DocumentBytesOf("  " + text), 2 * takes) << item;
  }
}

TEST(DocumentBytes, SmallValuesTakeManyTimesTheirText) {
  const std::string text = ManyItems("{}", 100'000);
  EXPECT_GT(DocumentBytesOf(text), 20 * text.size());
  const std::string long_text = '"' + std::string(1'000'000, ',') + '"';
  EXPECT_LT(DocumentBytesOf(long_text), 1'001'000u);
}

TEST(DocumentBytes, OtherEncodingsAreEstimated) {
  std::string protobuf("k8s\0", 4), yaml = "a:\n";
  for (int i = 0; i < 1000; ++i) {
    protobuf += std::string("\x0a\x02\x0a\0", 4);
    yaml += "- {}\n";
  }
  EXPECT_GT(DocumentBytesOf(protobuf), 100'000u);
  EXPECT_GT(DocumentBytesOf(yaml), 100'000u);
  EXPECT_LT(DocumentBytesOf(std::string("k8s\0", 4) + std::string(1'000'000, 'x')), 1'001'000u);
}

TEST(DocumentBytes, ATextMayEndAnywhere) {
  const std::string text = R"({"a\"":["b\\",{"c":1}]})";
  for (size_t end = 0; end <= text.size(); ++end) {
    EXPECT_LT(DocumentBytesOf(std::string_view(text).substr(0, end)), 1000u);
  }
}

}  // namespace
}  // namespace skiff
