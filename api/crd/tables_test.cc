#include "api/crd/tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "api/patch/apply.h"
#include "api/patch/field_set.h"

namespace skiff::crd {
namespace {

// A resource with a spec of `count` texts, p10000 and so on, beside others of which nothing is
// said.
SchemaPtr WideSchema(int count) {
  Json spec = {{"type", "object"},
               {"x-kubernetes-preserve-unknown-fields", true},
               {"properties", Json::object()}};
  for (int i = 0; i < count; ++i) {
    spec["properties"]["p" + std::to_string(10000 + i)] = {{"type", "string"}};
  }
  return ReadSchema({{"type", "object"}, {"properties", {{"spec", std::move(spec)}}}});
}

TEST(TablesTest, FieldsAreInTheOrderOfTheirNamesAndFoundByThem) {
  const SchemaPtr schema = WideSchema(100);
  TableArena tables;
  const Type& type = MakeType(*schema, "Wide", "a.io/v1", tables);
  EXPECT_TRUE(std::ranges::is_sorted(type.fields, {}, &Field::name));
  const Type& spec = *type.Find("spec")->type;
  ASSERT_EQ(spec.fields.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(spec.fields, {}, &Field::name));
  for (const Field& field : spec.fields) EXPECT_EQ(spec.Find(field.name), &field);
  for (const char* name : {"", "a", "p10050x", "z"}) EXPECT_EQ(spec.Find(name), nullptr) << name;
}

TEST(TablesTest, MembersAreFoundInAnyOrder) {
  const SchemaPtr schema = WideSchema(100);
  TableArena tables;
  const Type& spec = *MakeType(*schema, "Wide", "a.io/v1", tables).Find("spec")->type;
  const Spot spot{&spec, nullptr};
  size_t next = 0;
  for (const size_t at : {0, 1, 5, 4, 99, 0, 98}) {
    Spot below;
    ASSERT_TRUE(spot.Member(spec.fields[at].name, next, below));
    EXPECT_EQ(below.field, &spec.fields[at]);
    EXPECT_EQ(next, at + 1);
  }
  Spot below;
  EXPECT_TRUE(spot.Member("unknown", next, below)) << "the schema keeps it";
  EXPECT_EQ(below.field, nullptr);
}

// As many as fit into a definition, and as many others in an object: minutes for one write, if each
// were looked for among all fields.
TEST(TablesTest, ManyFieldsAndManyMembersTakeNoTime) {
  constexpr int kEach = 80'000;
  const SchemaPtr schema = WideSchema(kEach);
  TableArena tables;
  const Type& type = MakeType(*schema, "Wide", "a.io/v1", tables);
  Json object = {{"spec", Json::object()}};
  std::string owned = R"({"f:spec":{)";
  for (int i = 0; i < kEach; ++i) {
    const std::string name = "p" + std::to_string(10000 + i) + "x";
    object["spec"][name] = "";
    owned += (i == 0 ? "\"f:" : ",\"f:") + name + "\":{}";
  }
  owned += "}}";
  const std::clock_t begin = std::clock();
  EXPECT_EQ(CheckKept(type, object), "");
  EXPECT_FALSE(NamesPartsOfWhole(owned, type));
  EXPECT_EQ(CountMembers(Compare({&type, nullptr}, Json::object(), object).changed), kEach + 1u);
  EXPECT_LT(std::clock() - begin, 10 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace skiff::crd
