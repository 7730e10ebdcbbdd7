// Which custom kinds are watched because quotas name them. With whole clusters it is tested in
// e2e/.
#include "controllers/machinery/quota_custom_kinds.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

core_v1::ResourceQuota QuotaOf(const std::vector<std::string>& names) {
  core_v1::ResourceQuota quota;
  for (const std::string& name : names) quota.spec.hard[name] = Quantity::FromValue(1);
  return quota;
}

Resource KindOf(const std::string& name, bool namespaced = true) {
  Resource resource;
  resource.api_version = "a.io/v1";
  resource.name = name;
  resource.namespaced = namespaced;
  return resource;
}

TEST(QuotaCustomKindsTest, AKindIsNeededAsLongAsSomeQuotaNamesIt) {
  QuotaCustomKinds kinds;
  const ObjectKey one = {"default", "one"};
  const ObjectKey other = {"default", "other"};
  EXPECT_FALSE(kinds.Needs(KindOf("things")));
  const auto quota = QuotaOf({"count/things.a.io", "count/secrets", "pods"});
  EXPECT_TRUE(kinds.Follow(one, &quota));
  EXPECT_FALSE(kinds.Follow(one, &quota)) << "nothing new";
  EXPECT_TRUE(kinds.Follow(other, &quota));
  EXPECT_TRUE(kinds.Needs(KindOf("things")));
  EXPECT_FALSE(kinds.Needs(KindOf("others")));
  EXPECT_FALSE(kinds.Needs(KindOf("things", /*namespaced=*/false)));
  const auto changed = QuotaOf({"count/others.a.io"});
  EXPECT_TRUE(kinds.Follow(one, &changed));
  EXPECT_TRUE(kinds.Needs(KindOf("others")));
  EXPECT_TRUE(kinds.Needs(KindOf("things"))) << "the other one names it";
  EXPECT_TRUE(kinds.Follow(other, nullptr));
  EXPECT_FALSE(kinds.Needs(KindOf("things")));
}

TEST(QuotaCustomKindsTest, WhatOnlyBuiltInKindsAreNamedByWakesNobody) {
  QuotaCustomKinds kinds;
  const auto quota = QuotaOf({"count/secrets", "pods", "requests.storage"});
  EXPECT_FALSE(kinds.Follow({"default", "one"}, &quota));
  EXPECT_FALSE(kinds.Follow({"default", "one"}, nullptr));
}

TEST(QuotaCustomKindsTest, QuotasAreCountedAgainWhenAKindIsNotWatchedAnyMore) {
  QuotaCustomKinds kinds;
  std::vector<std::string> told;
  kinds.Tell({.less = [](const auto&, const auto&) {},
              .known = [&](const std::string& name) { told.push_back(name); }});
  // Its definition may go before it was heard to have no objects left.
  kinds.Forget(KindOf("things"), /*is_empty=*/false);
  EXPECT_EQ(told, std::vector<std::string>{"count/things.a.io"});
}

}  // namespace
}  // namespace skiff
