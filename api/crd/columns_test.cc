// What the columns of a definition show.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "api/cel/limits.h"
#include "api/columns/cells.h"
#include "api/crd/custom_kind.h"
#include "base/at_once.h"

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
  static Json Column(const char* type, const std::string& path) {
    return {{"name", "A"}, {"type", type}, {"jsonPath", path}};
  }
  static std::vector<Json> Cells(const CustomKind& kind, const Json& object) {
    std::vector<Json> cells;
    for (const TableColumn& column : kind.columns) {
      cells.push_back(column.cell({.object = object, .now = kNow, .column = column}));
    }
    return cells;
  }
  static constexpr TimePoint kNow{1'700'000'000s};
  // A look at all of a large object, and the short ones of all columns.
  static constexpr uint64_t kLooksOfARowMax = 1'100'000;
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

// Some columns may look at all of a large object, as many rows as there are, but not thousands; and
// those of others are shown all the same.
TEST_F(CustomColumnsTest, AllColumnsOfARowTogetherAreBounded) {
  Json columns = Json::array();
  for (int i = 0; i < 2'000; ++i) columns.push_back(Column("string", ".spec..x"));
  columns[49] = Column("string", ".spec.x");
  CustomKind kind;
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  const Json object = {{"metadata", {{"name", "a"}}},
                       {"spec", {{"l", Json::array_t(100'000, 1)}, {"x", "found"}}}};
  for (int row = 0; row < 2; ++row) {
    const uint64_t before = cel::looks_of_thread;
    const std::vector<Json> cells = Cells(kind, object);
    EXPECT_EQ(cells[0], "a");
    EXPECT_EQ(std::count(cells.begin(), cells.end(), Json("found")), 10);
    EXPECT_EQ(cells[9], "found");
    EXPECT_EQ(cells[10], nullptr);
    EXPECT_EQ(cells[50], "found");
    const uint64_t looks = cel::looks_of_thread - before;
    EXPECT_GT(looks, 900'000u);
    EXPECT_LE(looks, kLooksOfARowMax);
  }
}

// Few values, of which a filter compares all bytes again and again.
TEST_F(CustomColumnsTest, TheTextsThatColumnsCompareAreBounded) {
  std::string all = "'l'";
  for (int i = 1; i < 20; ++i) all += ",'l'";
  Json columns = Json::array();
  for (int i = 0; i < 8; ++i) {
    columns.push_back(Column("string", ".spec[" + all + "][?(@.x==@.y)].z"));
  }
  CustomKind kind;
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  const std::string text(640'000, 'a');
  const Json object = {{"metadata", {{"name", "a"}}},
                       {"spec", {{"l", {{{"x", text}, {"y", text}, {"z", "found"}}}}}}};
  const uint64_t before = cel::looks_of_thread;
  const std::vector<Json> cells = Cells(kind, object);
  EXPECT_EQ(std::count(cells.begin(), cells.end(), Json("found")), 4);
  EXPECT_LE(cel::looks_of_thread - before, kLooksOfARowMax);
}

// On a loop of connections nobody looks for long.
TEST_F(CustomColumnsTest, WhatLooksAtMuchMayHaveToWait) {
  CustomKind kind;
  const Json columns = {Column("string", ".spec.x"), Column("string", ".spec..x")};
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  Json object = {{"metadata", {{"name", "a"}}}, {"spec", {{"l", {1}}, {"x", "found"}}}};
  {
    const AtOnce attempt;
    EXPECT_EQ(Cells(kind, object), (std::vector<Json>{"a", "found", "found"}));
    EXPECT_FALSE(attempt.failed());
  }
  object["spec"]["l"] = Json::array_t(2'000, 1);
  {
    const AtOnce attempt;
    EXPECT_EQ(Cells(kind, object)[1], "found");
    EXPECT_TRUE(attempt.failed());
  }
  EXPECT_EQ(Cells(kind, object)[2], "found");
}

// Of a text that is none each byte is read and told of, by as many columns as there are.
TEST_F(CustomColumnsTest, TheDatesOfARowTogetherAreBounded) {
  Json columns = Json::array();
  for (int i = 0; i < 40; ++i) columns.push_back(Column("date", ".spec.t"));
  CustomKind kind;
  MakeColumns({{"additionalPrinterColumns", columns}}, kind);
  const Json object = {{"metadata", {{"name", "a"}}}, {"spec", {{"t", std::string(1 << 20, 't')}}}};
  const std::vector<Json> cells = Cells(kind, object);
  EXPECT_EQ(std::count(cells.begin(), cells.end(), Json("<invalid>")), 16);
  EXPECT_EQ(std::count(cells.begin(), cells.end(), Json()), 24);
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
