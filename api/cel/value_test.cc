// How values hold what they share with their copies.
#include "api/cel/value.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skiff::cel {
namespace {

class CountedOpaque final : public OpaqueValue {
 public:
  const char* TypeName() const override { return "test.Counted"; }
  bool Equals(const OpaqueValue& other) const override { return this == &other; }
};

TEST(CelValueTest, WhatIsSharedLivesAsLongAsTheLastCopy) {
  auto made = std::make_shared<const CountedOpaque>();
  const std::weak_ptr<const CountedOpaque> seen = made;
  Value first = Value::Opaque(std::move(made));
  Value second = first;
  EXPECT_EQ(seen.use_count(), 2);
  first = Value::Int(1);
  EXPECT_EQ(seen.use_count(), 1);
  Value third = std::move(second);
  EXPECT_EQ(seen.use_count(), 1);
  EXPECT_EQ(third.OpaqueAs<CountedOpaque>(), seen.lock().get());
  third = Value();
  EXPECT_TRUE(seen.expired());
}

TEST(CelValueTest, AValueMayBeAssignedToItself) {
  Value text = Value::String(std::string(100, 'x'));
  const Value& same = text;
  text = same;
  EXPECT_EQ(text.text(), std::string(100, 'x'));
  Value list = Value::List(std::vector<Value>{text});
  list = Value(list.At(0));
  EXPECT_EQ(list.text(), std::string(100, 'x'));
}

TEST(CelValueTest, AValueMayTakeThePlaceOfWhatHoldsIt) {
  Value nested = Value::Some(Value::Some(Value::String("inner")));
  nested = *nested.inner();
  nested = *nested.inner();
  EXPECT_EQ(nested.text(), "inner");
}

TEST(CelValueTest, APartOfATextKeepsItAlive) {
  Value whole = Value::String(std::string(100, 'x') + "tail");
  Value part = Value::PartOf(whole, whole.text().substr(100));
  EXPECT_EQ(part.text().data(), whole.text().data() + 100);
  whole = Value();
  EXPECT_EQ(part.text(), "tail");
  // Of a view it is one, too.
  const std::string text = "a document's";
  EXPECT_EQ(Value::PartOf(Value::StringView(text), text).shared(), nullptr);
}

TEST(CelValueTest, AViewOfAnErrorHoldsNothing) {
  const Value error = Value::ErrorView("no such attribute(s): authorizer");
  EXPECT_TRUE(error.IsError());
  EXPECT_EQ(error.text(), "no such attribute(s): authorizer");
  EXPECT_EQ(error.shared(), nullptr);
}

}  // namespace
}  // namespace skiff::cel
