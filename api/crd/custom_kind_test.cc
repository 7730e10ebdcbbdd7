#include "api/crd/custom_kind.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "api/crd/test_kinds.h"

namespace skiff::crd {
namespace {

Json VersionCalled(const std::string& name, bool deprecated) {
  return {{"name", name},
          {"served", true},
          {"storage", false},
          {"deprecated", deprecated},
          {"schema", {{"openAPIV3Schema", {{"type", "object"}}}}}};
}

RuntimeKinds MadeOf(Json versions) {
  versions[0]["storage"] = true;
  return ThingsOf(versions);
}

TEST(CustomKindTest, ADeprecatedVersionNamesTheBestOneThatIsNot) {
  Json versions = {VersionCalled("v1beta1", true), VersionCalled("v1", false),
                   VersionCalled("v2", false),     VersionCalled("v3", true),
                   VersionCalled("v4", false),     VersionCalled("v5", true)};
  versions[4]["served"] = false;
  versions[5]["deprecationWarning"] = "go away";
  const RuntimeKinds made = MadeOf(versions);
  ASSERT_EQ(made.size(), 5u);
  const auto text = [&](size_t at) { return made[at]->custom->deprecation; };
  EXPECT_EQ(text(0), "a.io/v1beta1 Thing is deprecated; use a.io/v2 Thing");
  EXPECT_EQ(text(1), "");
  EXPECT_EQ(text(3), "a.io/v3 Thing is deprecated") << "there is none that goes before it";
  EXPECT_EQ(text(4), "go away");
}

// As many as fit into a definition: minutes, if each looked through all of them.
TEST(CustomKindTest, OfManyDeprecatedVersionsEachKnowsWhatToUse) {
  constexpr int kEach = 8000;
  Json versions = Json::array();
  for (int i = 1; i <= kEach; ++i) {
    versions.push_back(VersionCalled("v1beta" + std::to_string(i), true));
    versions.push_back(VersionCalled("v" + std::to_string(i), false));
  }
  const std::clock_t begin = std::clock();
  const RuntimeKinds made = MadeOf(versions);
  EXPECT_LT(std::clock() - begin, 15 * CLOCKS_PER_SEC);
  ASSERT_EQ(made.size(), size_t{2 * kEach});
  EXPECT_EQ(made[0]->custom->deprecation, "a.io/v1beta1 Thing is deprecated; use a.io/v8000 Thing");
}

}  // namespace
}  // namespace skiff::crd
