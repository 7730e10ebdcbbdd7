#include "apiserver/server/flow_control_revision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apiserver/server/bootstrap.h"

namespace skiff {
namespace {

constexpr const char* kFlowAnnotation = "apf.kubernetes.io/autoupdate-spec";

Json StartObjectOf(const std::string& kind, const std::string& name) {
  for (Json& object : FlowControlObjects()) {
    if (object["kind"] == kind && object["metadata"]["name"] == name) return object;
  }
  ADD_FAILURE() << kind << " " << name;
  return Json::object();
}

// As kept, with a spec that somebody changed. `said`: of the annotation; nullptr for none.
Json ChangedByUser(Json object, const char* said, int generation = 2) {
  object["metadata"]["generation"] = generation;
  object["metadata"]["annotations"] = Json::object();
  if (said != nullptr) object["metadata"]["annotations"][kFlowAnnotation] = said;
  if (object["kind"] == "FlowSchema") object["spec"]["matchingPrecedence"] = 7;
  return object;
}

TEST(FlowControlRevision, WhatIsAsItWasStaysAsItIs) {
  for (const Json& object : FlowControlObjects()) {
    const auto revised = RevisedFlowControl(object, object);
    ASSERT_TRUE(revised) << revised.error().message;
    EXPECT_FALSE(*revised) << object;
  }
}

TEST(FlowControlRevision, ASpecThatIsLeftToTheServerBecomesWhatItWas) {
  const Json wanted = StartObjectOf("FlowSchema", "global-default");
  const auto revised = RevisedFlowControl(ChangedByUser(wanted, "true"), wanted);
  ASSERT_TRUE(revised && *revised);
  EXPECT_EQ((**revised)["spec"], wanted["spec"]);
}

TEST(FlowControlRevision, ASpecThatAnOperatorTookOverStays) {
  const Json wanted = StartObjectOf("FlowSchema", "global-default");
  EXPECT_FALSE(*RevisedFlowControl(ChangedByUser(wanted, "false"), wanted));
  // Whoever changes it without a word takes it over, and is told so.
  for (const char* unclear : {static_cast<const char*>(nullptr), "maybe"}) {
    const auto told = RevisedFlowControl(ChangedByUser(wanted, unclear), wanted);
    ASSERT_TRUE(told && *told);
    EXPECT_EQ((**told)["metadata"]["annotations"][kFlowAnnotation], "false");
    EXPECT_EQ((**told)["spec"]["matchingPrecedence"], 7);
  }
  const auto new_one = RevisedFlowControl(ChangedByUser(wanted, nullptr, 1), wanted);
  ASSERT_TRUE(new_one && *new_one);
  EXPECT_EQ((**new_one)["metadata"]["annotations"][kFlowAnnotation], "true");
  EXPECT_EQ((**new_one)["spec"], wanted["spec"]);
}

TEST(FlowControlRevision, WhatNobodyTakesOverIsNot) {
  const Json wanted = StartObjectOf("FlowSchema", "catch-all");
  const auto revised = RevisedFlowControl(ChangedByUser(wanted, "false"), wanted);
  ASSERT_TRUE(revised && *revised);
  EXPECT_EQ((**revised)["metadata"]["annotations"][kFlowAnnotation], "true");
  EXPECT_EQ((**revised)["spec"], wanted["spec"]);
}

TEST(FlowControlRevision, TheSharesOfTheExemptLevelAreTheOperators) {
  const Json wanted = StartObjectOf("PriorityLevelConfiguration", "exempt");
  Json present = wanted;
  present["spec"]["exempt"] = {{"nominalConcurrencyShares", 40}, {"lendablePercent", 50}};
  EXPECT_FALSE(*RevisedFlowControl(present, wanted));
}

TEST(FlowControlRevision, WhatIsLeftToTheServerAndNotWantedAnyMoreGoes) {
  const std::vector<Json> wanted = FlowControlObjects();
  for (const Json& each : wanted) EXPECT_FALSE(IsUnwantedFlowControl(each, wanted)) << each;
  Json other = StartObjectOf("FlowSchema", "catch-all");
  // A priority level has that name; no FlowSchema does.
  other["metadata"]["name"] = "workload-high";
  EXPECT_TRUE(IsUnwantedFlowControl(other, wanted));
  other["metadata"]["deletionTimestamp"] = "2023-11-14T22:14:20Z";
  EXPECT_FALSE(IsUnwantedFlowControl(other, wanted)) << "it is going already";
  other["metadata"].erase("deletionTimestamp");
  for (const char* said : {"false", "maybe", static_cast<const char*>(nullptr)}) {
    EXPECT_FALSE(IsUnwantedFlowControl(ChangedByUser(other, said, 1), wanted)) << "a user's own";
  }
}

}  // namespace
}  // namespace skiff
