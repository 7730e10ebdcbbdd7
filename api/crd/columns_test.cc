// What the columns of a definition show.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <vector>

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

TEST_F(CustomColumnsTest, ANullIsATextWhereTextsAre) {
  EXPECT_EQ(Shown("string", nullptr), "<no value>");
  for (const char* type : {"integer", "number", "boolean", "date"}) {
    EXPECT_EQ(Shown(type, nullptr), nullptr) << type;
  }
}

TEST_F(CustomColumnsTest, ANumberTooLargeForAnIntegerIsTheLeast) {
  EXPECT_EQ(Shown("integer", 3.9), 3);
  EXPECT_EQ(Shown("integer", 1e300), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Shown("integer", -1e300), std::numeric_limits<int64_t>::min());
}

// Some columns may look at all of a large object, as many rows as there are, but not thousands.
TEST_F(CustomColumnsTest, AllColumnsOfARowTogetherAreBounded) {
  Json columns = Json::array();
  for (int i = 0; i < 2'000; ++i) {
    columns.push_back({{"name", "A"}, {"type", "string"}, {"jsonPath", ".spec..x"}});
  }
  CustomKind kind;
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  const Json object = {{"metadata", {{"name", "a"}}},
                       {"spec", {{"l", Json::array_t(100'000, 1)}, {"x", "found"}}}};
  const auto begin = std::clock();
  for (int row = 0; row < 2; ++row) {
    std::vector<Json> cells;
    for (const TableColumn& column : kind.columns) {
      cells.push_back(column.cell({.object = object, .now = kNow, .column = column}));
    }
    EXPECT_EQ(cells[0], "a");
    EXPECT_EQ(std::count(cells.begin(), cells.end(), Json("found")), 8);
    EXPECT_EQ(cells[8], "found");
    EXPECT_EQ(cells[9], nullptr);
  }
  EXPECT_LT(std::clock() - begin, 5 * CLOCKS_PER_SEC);
}

// A definition has room for tens of thousands of columns, each of which may show all of an object.
TEST_F(CustomColumnsTest, AllTextsOfARowTogetherAreBounded) {
  Json columns = Json::array();
  for (int i = 0; i < 40; ++i) {
    columns.push_back({{"name", "A"}, {"type", "string"}, {"jsonPath", ".spec"}});
  }
  CustomKind kind;
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  const Json object = {{"metadata", {{"name", "a"}}}, {"spec", {{"t", std::string(1 << 20, 't')}}}};
  for (int row = 0; row < 2; ++row) {
    std::vector<Json> cells;
    for (const TableColumn& column : kind.columns) {
      cells.push_back(column.cell({.object = object, .now = kNow, .column = column}));
    }
    EXPECT_EQ(cells[0], "a");
    EXPECT_TRUE(cells[16].is_string());
    EXPECT_EQ(std::count(cells.begin(), cells.end(), Json()), 24);
  }
}

// Of a path that leads nowhere more looks would say no more.
TEST_F(CustomColumnsTest, APathThatFailsTakesNoLongLookFromOthers) {
  Json columns = Json::array();
  for (int i = 0; i < 8; ++i) {
    columns.push_back({{"name", "A"}, {"type", "string"}, {"jsonPath", ".spec.x[0]"}});
  }
  columns.push_back({{"name", "B"}, {"type", "string"}, {"jsonPath", ".spec..x"}});
  CustomKind kind;
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  const Json object = {{"metadata", {{"name", "a"}}},
                       {"spec", {{"l", Json::array_t(2'000, 1)}, {"x", "found"}}}};
  Json cell;
  for (const TableColumn& column : kind.columns) {
    cell = column.cell({.object = object, .now = kNow, .column = column});
  }
  EXPECT_EQ(cell, "found");
}

}  // namespace
}  // namespace skiff::crd
