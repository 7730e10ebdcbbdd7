#include "controllers/machinery/namespace_conditions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace skiff {
namespace {

core_v1::NamespaceCondition DiscoveryOf(const NamespaceContent& content) {
  const auto conditions = ConditionsOf(content, {}, Time());
  return *std::find_if(conditions.begin(), conditions.end(), [](const auto& it) {
    return it.type == "NamespaceDeletionDiscoveryFailure";
  });
}

TEST(NamespaceConditionsTest, GroupsThatCannotBeAskedAreNamedAsClientGoDoes) {
  const auto condition =
      DiscoveryOf({.discovery_failures = {"b.io/v1: stale GroupVersion discovery: b.io/v1",
                                          "a.io/v1: stale GroupVersion discovery: a.io/v1"}});
  EXPECT_EQ(condition.status, "True");
  EXPECT_EQ(condition.reason, "DiscoveryFailed");
  EXPECT_EQ(condition.message,
            "Discovery failed for some groups, 2 failing: unable to retrieve the complete list of "
            "server APIs: a.io/v1: stale GroupVersion discovery: a.io/v1, b.io/v1: stale "
            "GroupVersion discovery: b.io/v1");
}

TEST(NamespaceConditionsTest, AServerThatTellsNothingIsQuoted) {
  const auto condition = DiscoveryOf({.discovery_error = "the server is away"});
  EXPECT_EQ(condition.status, "True");
  EXPECT_EQ(condition.message, "the server is away");
}

TEST(NamespaceConditionsTest, AllIsWellWhereAllWereAsked) {
  const auto condition = DiscoveryOf({});
  EXPECT_EQ(condition.status, "False");
  EXPECT_EQ(condition.message, "All resources successfully discovered");
}

TEST(NamespaceConditionsTest, WhatCannotBeDeletedIsToldInOrder) {
  const auto conditions = ConditionsOf({.deletion_failures = {"b", "a"}}, {}, Time());
  const auto found = std::find_if(conditions.begin(), conditions.end(), [](const auto& it) {
    return it.type == "NamespaceDeletionContentFailure";
  });
  ASSERT_NE(found, conditions.end());
  EXPECT_EQ(found->message, "Failed to delete all resource types, 2 remaining: a, b");
}

}  // namespace
}  // namespace skiff
