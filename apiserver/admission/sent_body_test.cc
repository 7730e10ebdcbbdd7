#include "apiserver/admission/sent_body.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

TEST(SentBodyTest, ItsDocumentIsMadeOnceAndCountsFromThenOn) {
  core_v1::Binding binding;
  int made = 0;
  SentBody body(binding, [&] {
    ++made;
    return ToJson(binding);
  });
  const BodyPointer shown(&body);
  ASSERT_NE(shown, nullptr);
  ASSERT_EQ(shown.As<core_v1::Binding>(), &binding);
  EXPECT_EQ(shown.As<core_v1::Pod>(), nullptr);
  shown.As<core_v1::Binding>()->target.name = "n";
  EXPECT_EQ(made, 0);
  EXPECT_FALSE(body.has_document());
  EXPECT_EQ((*shown)["target"]["name"], "n");
  (*shown)["target"]["name"] = "other";
  EXPECT_EQ((*shown)["target"]["name"], "other");
  EXPECT_EQ(made, 1);
  EXPECT_EQ(shown.As<core_v1::Binding>(), nullptr);
}

TEST(SentBodyTest, ADocumentIsOne) {
  Json document = {{"a", 1}};
  EXPECT_EQ(BodyPointer(), nullptr);
  const BodyPointer shown(&document);
  ASSERT_TRUE(shown);
  EXPECT_EQ(&*shown, &document);
  EXPECT_EQ(shown.As<core_v1::Binding>(), nullptr);
}

}  // namespace
}  // namespace skiff
