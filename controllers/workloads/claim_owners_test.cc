#include "controllers/workloads/claim_owners.h"

#include <gtest/gtest.h>

namespace skiff::stateful {
namespace {

using apps_v1::StatefulSet;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using meta_v1::OwnerReference;

class ClaimOwnersTest : public testing::Test {
 protected:
  ClaimOwnersTest() {
    set_.metadata.name = "web";
    set_.metadata.uid = "set";
    pod_.metadata.name = "web-1";
    pod_.metadata.uid = "pod";
    claim_.metadata.name = "data-web-1";
  }
  void Retain(const std::string& when_deleted, const std::string& when_scaled) {
    auto& policy = set_.spec.persistent_volume_claim_retention_policy.Ensure();
    policy.when_deleted = when_deleted;
    policy.when_scaled = when_scaled;
  }
  bool Set(bool condemned = false) {
    return SetOwners(set_, {.pod = &pod_, .condemned = condemned}, claim_);
  }
  void AddOwner(const std::string& api_version, const std::string& kind, const std::string& name,
                const std::string& uid, bool controls = true) {
    OwnerReference& owner = claim_.metadata.owner_references.emplace_back();
    owner.api_version = api_version;
    owner.kind = kind;
    owner.name = name;
    owner.uid = uid;
    if (controls) owner.controller = true;
  }
  std::string Owners() const {
    std::string text;
    for (const auto& owner : claim_.metadata.owner_references) text += owner.uid + " ";
    return text;
  }

  StatefulSet set_;
  Pod pod_;
  PersistentVolumeClaim claim_;
};

TEST_F(ClaimOwnersTest, ClaimsGoWithTheSetOrWithThePodThatWasScaledAway) {
  Retain("Delete", "Delete");
  EXPECT_TRUE(Set());
  EXPECT_EQ(Owners(), "set ");
  EXPECT_FALSE(Set()) << "a second time changes nothing";
  EXPECT_TRUE(Set(/*condemned=*/true));
  EXPECT_EQ(Owners(), "pod ");
  EXPECT_TRUE(IsStale(set_, claim_, nullptr));
  EXPECT_FALSE(IsStale(set_, claim_, &pod_));
  Retain("Retain", "Retain");
  EXPECT_TRUE(Set());
  EXPECT_EQ(Owners(), "");
}

TEST_F(ClaimOwnersTest, AnOwnerThatDoesNotControlBecomesTheController) {
  Retain("Delete", "Retain");
  AddOwner("apps/v1", "StatefulSet", "web", "set", /*controls=*/false);
  EXPECT_TRUE(Set());
  EXPECT_EQ(Owners(), "set ");
  EXPECT_TRUE(claim_.metadata.owner_references[0].controller.value_or(false));
}

TEST_F(ClaimOwnersTest, WhatSomebodyElseControlsIsLeftToThem) {
  Retain("Delete", "Delete");
  AddOwner("example.com/v1", "Operator", "x", "other");
  EXPECT_TRUE(HasOtherController(set_, {.pod = &pod_}, claim_));
  EXPECT_FALSE(Set());
  // What the set had added itself is taken away.
  AddOwner("apps/v1", "StatefulSet", "web", "set");
  EXPECT_TRUE(Set());
  EXPECT_EQ(Owners(), "other ");
  Retain("Retain", "Retain");
  EXPECT_FALSE(HasOtherController(set_, {.pod = &pod_}, claim_)) << "where nobody is to own it";
}

TEST_F(ClaimOwnersTest, AnOwnerOfThatNameThatIsNoMoreStays) {
  Retain("Delete", "Delete");
  AddOwner("apps/v1", "StatefulSet", "web", "set-before");
  EXPECT_FALSE(Set());
  EXPECT_EQ(Owners(), "set-before ");
  claim_.metadata.owner_references.clear();
  AddOwner("v1", "Pod", "web-1", "pod-before");
  EXPECT_FALSE(Set(/*condemned=*/true));
  EXPECT_EQ(Owners(), "pod-before ");
  EXPECT_TRUE(HasOtherController(set_, {.pod = &pod_}, claim_));
}

}  // namespace
}  // namespace skiff::stateful
