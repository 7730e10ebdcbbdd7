#include "proxy/policy/policy_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/id.h"
#include "client/transport.h"
#include "proxy/policy/policy_test_objects.h"

namespace skiff::netpol {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Keeps what is written.
class KeptNft final : public Nft {
 public:
  Result<> Load(const std::string& text) override {
    if (failures > 0) {
      --failures;
      return Fail(Reason::kNotFound, "nft is not installed");
    }
    texts.push_back(text);
    return {};
  }
  bool Intact() override { return intact; }
  bool LooksUpRoutes() override { return looks_up_routes; }
  Result<> Remove() override {
    texts.emplace_back("removed");
    return {};
  }
  bool OnDeletions(std::function<void()> look) override {
    deleted = std::move(look);
    return true;
  }
  void StopWatching() override { deleted = nullptr; }

  int failures = 0;
  bool intact = true;
  bool looks_up_routes = true;
  std::vector<std::string> texts;
  std::function<void()> deleted;
};

class PolicyLoopTest : public testing::Test {
 protected:
  PolicyLoopTest() {
    core_v1::Node node;
    node.metadata.name = "node-a";
    node.spec.pod_cidrs = {"10.244.0.0/24"};
    Set<core_v1::Node>({node});
    core_v1::Namespace space;
    space.metadata.name = "default";
    Set<core_v1::Namespace>({space});
  }
  template <Kind K>
  void Set(const std::vector<K>& objects) {
    std::vector<RawJson> items;
    for (K object : objects) {
      object.metadata.resource_version = std::to_string(++revision_);
      items.push_back(ToJson(object));
    }
    informers_.For<K>().cache().Replace(items, std::to_string(++revision_));
  }
  void SetPods(const std::vector<TestPod>& pods) {
    std::vector<core_v1::Pod> made;
    for (const TestPod& pod : pods) made.push_back(*MakePod(pod));
    Set<core_v1::Pod>(made);
  }
  void SetPolicies(const std::vector<std::string>& names) {
    std::vector<networking_v1::NetworkPolicy> policies;
    for (const std::string& name : names) {
      policies.push_back(*FromYaml<networking_v1::NetworkPolicy>(
          "{metadata: {name: " + name + "}, spec: {podSelector: {}, policyTypes: [Ingress]}}"));
    }
    Set<networking_v1::NetworkPolicy>(policies);
  }
  // As long as something is due at once.
  Duration Settle() {
    Duration next{};
    for (int i = 0; i < 10; ++i) {
      clock_.Advance(200ms);
      next = loop_.Step();
    }
    return next;
  }
  std::vector<std::string> Written() { return std::exchange(nft_.texts, {}); }

  FakeClock clock_;
  SystemRandom random_;
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 500}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  KeptNft nft_;
  int reads_ = 0;
  std::vector<std::string> told_;
  std::optional<std::vector<std::string>> remembered_;
  uint64_t revision_ = 0;
  PolicyLoop loop_{{informers_.For<networking_v1::NetworkPolicy>(),
                    informers_.For<core_v1::Namespace>(), informers_.For<core_v1::Node>(),
                    informers_.For<core_v1::Pod>(), [this] { ++reads_; },
                    [this](const std::string& why) { told_.push_back(why); },
                    [this](const std::vector<std::string>& ranges) { remembered_ = ranges; },
                    clock_, nft_},
                   "node-a"};
};

TEST_F(PolicyLoopTest, WithoutPoliciesNothingIsReadAndWhatWasLeftGoes) {
  EXPECT_EQ(Settle(), kNever);
  EXPECT_THAT(Written(), IsEmpty()) << "nobody has said yet that there are none";
  SetPolicies({});
  EXPECT_EQ(Settle(), kNever);
  EXPECT_THAT(Written(), ElementsAre("removed"));
  EXPECT_EQ(reads_, 0);
}

TEST_F(PolicyLoopTest, TheFirstPolicyHasAllWrittenAndTheLastOneTakesItAlong) {
  SetPolicies({"web"});
  EXPECT_EQ(Settle(), kNever);
  EXPECT_EQ(reads_, 1);
  EXPECT_THAT(Written(), IsEmpty()) << "pods are not read yet";
  SetPods({kA});
  EXPECT_EQ(Settle(), kNever);
  EXPECT_THAT(Written(), ElementsAre(HasSubstr("10.244.0.2 : goto in-")));
  SetPods({kA, kB});
  Settle();
  EXPECT_THAT(Written(), ElementsAre(StartsWith("add element inet skiff-policy in4 { 10.244.0.3")));
  SetPolicies({});
  EXPECT_EQ(Settle(), kNever);
  EXPECT_THAT(Written(), ElementsAre("removed"));
  SetPods({kB});
  Settle();
  EXPECT_THAT(Written(), IsEmpty());
  SetPolicies({"again"});
  Settle();
  const auto again = Written();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_THAT(again[0], StartsWith("table inet skiff-policy { }"));
  EXPECT_THAT(again[0], HasSubstr("in/default/again"));
  EXPECT_THAT(again[0], Not(HasSubstr("10.244.0.2")));
}

TEST_F(PolicyLoopTest, WhatIsToBeClosedAfterABootIsRememberedWhilePoliciesHold) {
  SetPods({kA});
  Settle();
  EXPECT_FALSE(remembered_) << "nobody has said yet whether there are policies";
  SetPolicies({"web"});
  Settle();
  EXPECT_THAT(remembered_.value(), ElementsAre("10.244.0.0/24"));
  SetPolicies({});
  Settle();
  EXPECT_THAT(remembered_.value(), IsEmpty());
}

TEST_F(PolicyLoopTest, CablesAreBoundToAddressesWhereTheKernelLooksUpRoutes) {
  SetPolicies({"web"});
  SetPods({kA});
  Settle();
  EXPECT_THAT(Written(), ElementsAre(HasSubstr("fib saddr . iif oif missing drop")));
}

TEST_F(PolicyLoopTest, WhereItDoesNotAllElseHolds) {
  nft_.looks_up_routes = false;
  SetPolicies({"web"});
  SetPods({kA});
  Settle();
  EXPECT_THAT(Written(), ElementsAre(AllOf(HasSubstr("goto in-"), Not(HasSubstr("fib")))));
}

TEST_F(PolicyLoopTest, WhatPoliciesDoNotSeeOfAPodWritesNothing) {
  SetPolicies({"web"});
  SetPods({kA});
  Settle();
  (void)Written();
  auto pod = MakePod(kA);
  pod->status.message = "as ever";
  Set<core_v1::Pod>({*pod});
  Settle();
  EXPECT_THAT(Written(), IsEmpty());
}

TEST_F(PolicyLoopTest, AFailureIsToldOnceAndAllIsWrittenLater) {
  SetPolicies({"web"});
  SetPods({kA});
  nft_.failures = 2;
  const Duration next = loop_.Step();
  EXPECT_EQ(next, 30s);
  EXPECT_THAT(told_, ElementsAre("nft is not installed"));
  clock_.Advance(30s);
  EXPECT_EQ(loop_.Step(), 30s);
  EXPECT_EQ(told_.size(), 1u);
  clock_.Advance(30s);
  EXPECT_EQ(loop_.Step(), kNever);
  EXPECT_THAT(Written(), ElementsAre(StartsWith("table inet")));
  // A change that cannot be written has all of it written at once.
  nft_.failures = 1;
  SetPods({kA, kB});
  Settle();
  EXPECT_THAT(Written(), ElementsAre(StartsWith("table inet")));
}

TEST_F(PolicyLoopTest, WhatSomebodyTakesAwayIsWrittenAgain) {
  SetPolicies({"web"});
  SetPods({kA});
  Settle();
  (void)Written();
  nft_.deleted();
  Settle();
  EXPECT_THAT(Written(), IsEmpty()) << "it is there";
  nft_.intact = false;
  nft_.deleted();
  clock_.Advance(1s);
  (void)loop_.Step();
  nft_.intact = true;
  EXPECT_THAT(Written(), ElementsAre(StartsWith("table inet")));
}

}  // namespace
}  // namespace skiff::netpol
