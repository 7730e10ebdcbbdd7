// What the columns of a definition show.
#include <gtest/gtest.h>

#include <limits>

#include "api/columns/cells.h"
#include "api/crd/custom_kind.h"

namespace skiff::crd {
namespace {

class CustomColumnsTest : public ::testing::Test {
 protected:
  static Json Shown(const std::string& type, const Json& value) {
    CustomKind kind;
    MakeColumns({{"additionalPrinterColumns",
                  {{{"name", "A"}, {"type", type}, {"jsonPath", ".a"}}}}},
                kind);
    const Json object = {{"a", value}};
    return kind.columns.at(1).cell({.object = object, .now = kNow, .column = kind.columns.at(1)});
  }
  static constexpr TimePoint kNow{1'700'000'000s};
};

TEST_F(CustomColumnsTest, ADateLongAgoIsAsLongAgoAsCanBeTold) {
  EXPECT_EQ(Shown("date", "2023-11-14T22:13:10Z"), "10s");
  EXPECT_EQ(Shown("date", "0900-01-01T00:00:00Z"), "292y");
  EXPECT_EQ(Shown("date", "x"), "<invalid>");
}

TEST_F(CustomColumnsTest, ANumberTooLargeForAnIntegerIsTheLeast) {
  EXPECT_EQ(Shown("integer", 3.9), 3);
  EXPECT_EQ(Shown("integer", 1e300), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Shown("integer", -1e300), std::numeric_limits<int64_t>::min());
}

}  // namespace
}  // namespace skiff::crd
