#include "api/openapi/kinds_by_document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "api/crd/custom_kind.h"
#include "api/openapi/openapi_v3.h"

namespace skiff {
namespace {

// A definition of that group of many versions, v1 and on.
RuntimeKinds MadeOfVersions(const std::string& group, int count) {
  const Json names = {{"plural", "things"}, {"singular", "thing"}, {"kind", "Thing"}};
  Json versions = Json::array();
  for (int i = 1; i <= count; ++i) {
    versions.push_back({{"name", "v" + std::to_string(i)},
                        {"served", true},
                        {"storage", i == 1},
                        {"schema", {{"openAPIV3Schema", {{"type", "object"}}}}}});
  }
  const Json definition = {
      {"metadata", {{"name", "things." + group}}},
      {"spec",
       {{"group", group}, {"scope", "Namespaced"}, {"names", names}, {"versions", versions}}},
      {"status",
       {{"acceptedNames", names},
        {"conditions", {{{"type", "Established"}, {"status", "True"}}}}}}};
  return crd::MakeKinds(definition);
}

std::vector<const KindInfo*> WithBuiltIn(const RuntimeKinds& made) {
  std::vector<const KindInfo*> kinds(BuiltInKinds().begin(), BuiltInKinds().end());
  for (const auto& kind : made) kinds.push_back(kind.get());
  return kinds;
}

// All that is looked at for all documents: three thousand versions took twenty seconds when each
// document looked at those of all others.
TEST(KindsByDocumentTest, EachVersionIsLookedAtOnce) {
  constexpr int kVersions = 3000;
  const RuntimeKinds made = MadeOfVersions("example.com", kVersions);
  ASSERT_EQ(made.size(), size_t{kVersions});
  std::vector<const KindInfo*> kinds;
  for (const auto& kind : made) kinds.push_back(kind.get());
  const KindsByDocument by_document(kinds);
  size_t looked_at = 0;
  for (const std::string& key : OpenApiV3Keys(kinds)) looked_at += by_document.Of(key).size();
  EXPECT_EQ(looked_at, size_t{kVersions});
  ASSERT_EQ(by_document.Of("apis/example.com/v7").size(), 1u);
  EXPECT_EQ(by_document.Of("apis/example.com/v7").front()->api_version, "example.com/v7");
  EXPECT_TRUE(by_document.Of("apis/example.com").empty()) << "told of by nobody";
}

TEST(KindsByDocumentTest, TellOfTheSameOneByOneAndTogether) {
  const RuntimeKinds made = MadeOfVersions("apps", 2);
  const std::vector<const KindInfo*> kinds = WithBuiltIn(made);
  const KindsByDocument by_document(kinds);
  for (const std::string& key : OpenApiV3Keys(kinds)) {
    const KindList together = by_document.Of(key);
    EXPECT_EQ(KindsOfDocument(kinds, key),
              std::vector<const KindInfo*>(together.begin(), together.end()))
        << key;
  }
  const auto has = [](KindList list, std::string_view kind) {
    return std::ranges::any_of(list, [&](const KindInfo* each) { return each->kind == kind; });
  };
  EXPECT_TRUE(has(by_document.Of("apis/apps"), "Deployment"));
  EXPECT_FALSE(has(by_document.Of("apis/apps"), "Thing"));
  EXPECT_TRUE(has(by_document.Of("apis/apps/v1"), "Thing"));
  EXPECT_TRUE(has(by_document.Of("api/v1"), "Pod"));
  EXPECT_FALSE(has(by_document.Of("apis/apps/v2"), "Deployment"));
}

TEST(KindsByDocumentTest, ACustomKindIsNotToldOfInAVersionThatIsBuiltIn) {
  const RuntimeKinds made = MadeOfVersions("apps", 2);
  const std::vector<const KindInfo*> kinds = WithBuiltIn(made);
  const auto says = [&](std::string_view key, std::string_view text) {
    return OpenApiV3Document(kinds, key).value_or("").find(text) != std::string::npos;
  };
  EXPECT_FALSE(says("apis/apps/v1", "/things"));
  EXPECT_TRUE(says("apis/apps/v1", "/deployments"));
  EXPECT_TRUE(says("apis/apps/v2", "/apis/apps/v2/namespaces/{namespace}/things/{name}"));
  EXPECT_FALSE(says("apis/apps/v2", "/deployments"));
}

}  // namespace
}  // namespace skiff
