#include "apiserver/kinds/definition_index.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

CustomResourceDefinition Lamps(const std::string& plural,
                               const std::vector<std::string>& versions) {
  CustomResourceDefinition definition;
  definition.spec.group = "a.io";
  definition.spec.names.plural = plural;
  definition.status.accepted_names.plural = plural;
  definition.status.accepted_names.short_names = {"lp"};
  definition.status.accepted_names.kind = "Lamp";
  for (const std::string& name : versions) {
    auto& version = definition.spec.versions.emplace_back();
    version.name = name;
    version.served = name != "v0";
  }
  return definition;
}

using Words = std::set<std::string>;

TEST(DefinitionIndexTest, ANameIsTakenUntilNobodyHasIt) {
  DefinitionIndex index;
  const auto lamps = Lamps("lamps", {"v1"});
  const auto lights = Lamps("lights", {"v1"});
  index.Put("lamps.a.io", &lamps);
  index.Put("lights.a.io", &lights);
  EXPECT_TRUE(index.TakenIn("a.io").resources.contains("lamps"));
  EXPECT_TRUE(index.TakenIn("b.io").empty());
  index.Put("lamps.a.io", nullptr);
  EXPECT_FALSE(index.TakenIn("a.io").resources.contains("lamps"));
  EXPECT_TRUE(index.TakenIn("a.io").resources.contains("lp")) << "the other one has it";
  EXPECT_TRUE(index.TakenIn("a.io").kinds.contains("Lamp"));
  const auto unnamed = CustomResourceDefinition();
  index.Put("lights.a.io", &unnamed);
  EXPECT_TRUE(index.TakenIn("a.io").empty());
}

TEST(DefinitionIndexTest, AVersionIsServedWhileAnyDefinitionServesIt) {
  DefinitionIndex index;
  const auto lamps = Lamps("lamps", {"v0", "v1", "v2"});
  const auto lights = Lamps("lights", {"v2"});
  EXPECT_EQ(index.Put("lamps.a.io", &lamps), (Words{"v1.a.io", "v2.a.io"}));
  EXPECT_EQ(index.Put("lights.a.io", &lights), (Words{"v2.a.io"}));
  EXPECT_EQ(index.ServedAs("v2.a.io"), (GroupVersion{"a.io", "v2"}));
  EXPECT_EQ(index.ServedAs("v0.a.io"), std::nullopt);
  const auto without = Lamps("lamps", {"v0", "v3"});
  EXPECT_EQ(index.Put("lamps.a.io", &without), (Words{"v1.a.io", "v2.a.io", "v3.a.io"}))
      << "also those that it served before";
  EXPECT_EQ(index.ApiServices(), (Words{"v2.a.io", "v3.a.io"}));
  EXPECT_EQ(index.Put("lights.a.io", nullptr), (Words{"v2.a.io"}));
  EXPECT_EQ(index.ServedAs("v2.a.io"), std::nullopt);
}

}  // namespace
}  // namespace skiff
