#include "api/crd/version_schema.h"

#include <gtest/gtest.h>

#include <deque>
#include <latch>
#include <thread>

#include "api/codec/json.h"
#include "api/crd/custom_kind.h"
#include "base/allocated_bytes.h"
#include "base/at_once.h"

namespace skiff::crd {
namespace {

Json PropsOf(Json properties) {
  return {{"type", "object"}, {"properties", {{"spec", {{"type", "object"},
                                                        {"properties", std::move(properties)}}}}}};
}

// Of one served version, as the API shows it.
Json DefinitionOf(const Json& props) {
  Json definition = Json::parse(R"({
      "metadata": {"name": "lamps.example.com", "resourceVersion": "7"},
      "spec": {"group": "example.com", "scope": "Namespaced",
               "names": {"plural": "lamps", "kind": "Lamp"},
               "versions": [{"name": "v1", "served": true, "storage": true}]},
      "status": {"acceptedNames": {"plural": "lamps", "kind": "Lamp", "listKind": "LampList"},
                 "storedVersions": ["v1"],
                 "conditions": [{"type": "Established", "status": "True"}]}})");
  definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = props;
  return definition;
}

TEST(VersionSchemaTest, IsMadeForItsFirstObject) {
  const auto kinds = MakeKinds(DefinitionOf(PropsOf({{"watts", {{"type", "integer"}}}})));
  ASSERT_EQ(kinds.size(), 1u);
  const CustomKind& custom = *kinds[0]->custom;
  EXPECT_FALSE(custom.own->IsMade());
  EXPECT_EQ(kinds[0]->type->ops, nullptr);
  Json content = {{"spec", {{"watts", 5}, {"color", "red"}}}};
  ASSERT_TRUE(custom.FromStore("example.com/v1", content, 1 << 20));
  EXPECT_EQ(content, Json({{"spec", {{"watts", 5}}}}));
  EXPECT_TRUE(custom.own->IsMade());
  EXPECT_EQ(&WholeType(*kinds[0]), &custom.own->type());
  EXPECT_NE(WholeType(*kinds[0]).Find("spec"), nullptr);
}

// Large schemas take their time, which is not that of a loop of connections.
TEST(VersionSchemaTest, IsNotMadeWhereNothingMayTakeLong) {
  const auto kinds = MakeKinds(DefinitionOf(PropsOf({{"watts", {{"type", "integer"}}}})));
  const CustomKind& custom = *kinds.at(0)->custom;
  Json content = {{"spec", {{"watts", 5}}}};
  {
    const AtOnce attempt;
    EXPECT_FALSE(custom.FromStore("example.com/v1", content, 1 << 20));
    EXPECT_TRUE(attempt.failed());
  }
  EXPECT_FALSE(custom.own->IsMade());
  EXPECT_TRUE(custom.FromStore("example.com/v1", content, 1 << 20));
  const AtOnce attempt;
  EXPECT_TRUE(custom.FromStore("example.com/v1", content, 1 << 20));
  EXPECT_FALSE(attempt.failed());
}

TEST(VersionSchemaTest, HoldsMuchLessThanTheTextUntilItIsAsked) {
  Json properties = Json::object();
  for (int i = 0; i < 1000; ++i) {
    properties["field" + std::to_string(i)] = {
        {"type", "string"}, {"description", "What this says of field " + std::to_string(i) + "."}};
  }
  const Json props = PropsOf(std::move(properties));
  const std::string text = DumpJson(props);
  const auto before = AllocatedBytes();
  if (!before) GTEST_SKIP() << "nobody counts what is allocated";
  // Many: what the allocator keeps for threads comes and goes, and counts as well.
  constexpr size_t kCopies = 50;
  std::deque<VersionSchema> versions;
  for (size_t i = 0; i < kCopies; ++i) versions.emplace_back("Lamp", "example.com/v1", text);
  EXPECT_LT(static_cast<double>(*AllocatedBytes()) - static_cast<double>(*before),
            static_cast<double>(kCopies * text.size()) / 5);
  const VersionSchema& version = versions.front();
  EXPECT_EQ(version.Props(), props);
  EXPECT_NE(version.schema().Property("spec")->Property("field999"), nullptr);
  EXPECT_EQ(version.schema().Property("spec")->Property("field1000"), nullptr);
}

TEST(VersionSchemaTest, WhoeverComesFirstAllSeeTheSame) {
  Json properties = Json::object();
  for (int i = 0; i < 200; ++i) {
    properties["field" + std::to_string(i)] = {
        {"type", "integer"},
        {"x-kubernetes-validations", {{{"rule", "self > 0"}, {"message", "more"}}}}};
  }
  const Json props = PropsOf(std::move(properties));
  const VersionSchema version("Lamp", "example.com/v1", DumpJson(props));
  struct Seen {
    const Schema* schema = nullptr;
    const Type* type = nullptr;
    const RuleNode* rules = nullptr;
    bool operator==(const Seen&) const = default;
  };
  std::vector<Seen> seen(8);
  {
    std::latch all_there(8);
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < seen.size(); ++i) {
      threads.emplace_back([&, i] {
        all_there.arrive_and_wait();
        // In another order each.
        if (i % 3 == 0) seen[i].rules = version.rules();
        if (i % 3 == 1) seen[i].type = &version.type();
        seen[i].schema = &version.schema();
        seen[i].type = &version.type();
        seen[i].rules = version.rules();
      });
    }
  }
  for (const Seen& each : seen) EXPECT_EQ(each, seen[0]);
  EXPECT_NE(seen[0].rules, nullptr);
  EXPECT_NE(seen[0].schema->Property("spec")->Property("field199"), nullptr);
}

// The word alone, as a text or as the name of a property, makes none.
TEST(VersionSchemaTest, KnowsWhetherThereAreRulesWithoutMakingAny) {
  const auto has_rules = [](const Json& props) {
    return VersionSchema("Lamp", "example.com/v1", DumpJson(props)).has_rules();
  };
  const Json rules = {{"x-kubernetes-validations", {{{"rule", "self.a > 0"}}}}};
  EXPECT_TRUE(has_rules(rules));
  EXPECT_TRUE(has_rules(PropsOf({{"list", {{"type", "array"}, {"items", rules}}}})));
  EXPECT_FALSE(has_rules({{"description", "\"x-kubernetes-validations\": []"}}));
  EXPECT_FALSE(has_rules(PropsOf(rules)));
  EXPECT_FALSE(has_rules({{"x-kubernetes-validations", Json::array()}}));
}

TEST(VersionSchemaTest, OneWithoutASchemaIsAnEmptyOne) {
  const VersionSchema version("Lamp", "example.com/v1", "");
  EXPECT_EQ(version.Props(), Json::object());
  EXPECT_TRUE(version.schema().properties.empty());
  EXPECT_EQ(version.rules(), nullptr);
  EXPECT_FALSE(version.has_rules());
}

// Each property of each definition in use is one of these.
TEST(SchemaTest, APropertyIsSmall) {
  EXPECT_LE(sizeof(Schema), 192u);
  const SchemaPtr plain = ReadSchema({{"type", "integer"}, {"format", "int64"}});
  EXPECT_EQ(plain->limits, nullptr) << "formats that nobody checks are no limits";
  const SchemaPtr limited = ReadSchema({{"type", "integer"}, {"minimum", 3}});
  EXPECT_EQ(limited->Limits().minimum, 3);
}

}  // namespace
}  // namespace skiff::crd
