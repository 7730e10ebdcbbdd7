#include "kubelet/dra/claim_manager.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "client/transport.h"
#include "kubelet/dra/dra_grpc_fake.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet::dra {
namespace {

class ClaimManagerTest : public testing::Test {
 protected:
  ClaimManagerTest() { MakeManager(); }

  void MakeManager() {
    manager_.reset();
    manager_.emplace(tree_.root() + "/dra_manager_state", drivers_,
                     ClaimManager::Sources{[this](const ObjectKey& key) { return Claim(key.name); },
                                           [this] { return pods_; }},
                     nullptr);
  }
  Result<Ptr<resource_v1::ResourceClaim>> Claim(const std::string& name) {
    const auto found = claims_.find(name);
    if (found == claims_.end()) return Fail(Reason::kNotFound, "no such claim");
    return std::make_shared<const resource_v1::ResourceClaim>(found->second);
  }
  resource_v1::ResourceClaim& AddClaim(const std::string& name) {
    auto& claim = claims_[name];
    claim.metadata.name = name;
    claim.metadata.namespace_ = "ns";
    claim.metadata.uid = "uid-of-" + name;
    auto& result = claim.status.allocation.emplace().devices.results.emplace_back();
    result.driver = "fake.dra";
    result.request = "req";
    return claim;
  }
  core_v1::Pod PodOf(const std::string& name, const std::vector<std::string>& claims) {
    core_v1::Pod pod;
    pod.metadata.name = name;
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "uid-of-" + name;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "main";
    for (const auto& claim : claims) {
      auto& reference = pod.spec.resource_claims.emplace_back();
      reference.name = "my-" + claim;
      reference.resource_claim_name = claim;
      container.resources.claims.emplace_back().name = reference.name;
      claims_[claim].status.reserved_for.emplace_back().uid = pod.metadata.uid;
    }
    return pod;
  }
  void RegisterDriver(std::vector<std::string> versions = {"v1.DRAPlugin", "v1beta1.DRAPlugin"}) {
    ASSERT_TRUE(drivers_.Register({kPluginType, "fake.dra", socket_, std::move(versions)}));
  }
  std::string Error(const Result<>& done) { return done ? "" : done.error().message; }

  TemporaryTree tree_;
  const std::string socket_ = tree_.root() + "/dra.sock";
  FakeDraDriver driver_{socket_};
  InProcessTransport transport_{[](const http::Request&) { return http::Response(); }};
  Client client_{transport_, "kubelet"};
  FakeClock clock_;
  Drivers drivers_{"n1", client_, clock_,
                   [] { return Result<Ptr<core_v1::Node>>(Fail(Reason::kNotFound, "")); }, nullptr};
  std::map<std::string, resource_v1::ResourceClaim> claims_;
  std::optional<std::set<std::string>> pods_;
  std::optional<ClaimManager> manager_;
};

using Calls = std::vector<std::string>;

TEST_F(ClaimManagerTest, AClaimIsPreparedOnceForAllThatShareItAndGivenBackByTheLast) {
  RegisterDriver();
  AddClaim("c1");
  const auto one = PodOf("one", {"c1"});
  const auto two = PodOf("two", {"c1"});
  EXPECT_EQ(Error(manager_->Prepare(one)), "");
  EXPECT_EQ(Error(manager_->Prepare(two)), "");
  EXPECT_EQ(driver_.calls, Calls{"v1 prepare c1"});
  const auto devices = manager_->CdiDevices(two, two.spec.containers[0]);
  ASSERT_TRUE(devices);
  EXPECT_EQ(*devices, Calls{"vendor.com/class=c1"});
  EXPECT_EQ(Error(manager_->Unprepare(one)), "");
  EXPECT_EQ(driver_.calls, Calls{"v1 prepare c1"});
  EXPECT_EQ(Error(manager_->Unprepare(two)), "");
  EXPECT_EQ(driver_.calls, (Calls{"v1 prepare c1", "v1 unprepare c1"}));
  EXPECT_EQ(Error(manager_->Unprepare(two)), "") << "again";
  EXPECT_EQ(driver_.calls.size(), 2U);
  EXPECT_EQ(manager_->CdiDevices(two, two.spec.containers[0]).error().message,
            "internal error: unable to get claim info for ResourceClaim c1");
}

TEST_F(ClaimManagerTest, ADriverOfTheEarlierVersionIsAskedInIt) {
  RegisterDriver({"v1beta1.DRAPlugin"});
  AddClaim("c1");
  EXPECT_EQ(Error(manager_->Prepare(PodOf("one", {"c1"}))), "");
  EXPECT_EQ(driver_.calls, Calls{"v1beta1 prepare c1"});
}

TEST_F(ClaimManagerTest, WhatCannotBePreparedIsSaidInTheKubeletsWords) {
  const auto error_of = [this](const core_v1::Pod& pod) { return Error(manager_->Prepare(pod)); };
  EXPECT_EQ(error_of(PodOf("one", {"c0"})),
            "prepare dynamic resources: ResourceClaim : not allocated");
  AddClaim("c1");
  auto pod = PodOf("one", {"c1"});
  EXPECT_EQ(error_of(pod), "prepare dynamic resources: DRA driver fake.dra is not registered");
  RegisterDriver();
  claims_["c1"].status.reserved_for.clear();
  EXPECT_EQ(error_of(pod),
            "prepare dynamic resources: pod one (uid-of-one) is not allowed to use ResourceClaim "
            "c1 (uid-of-c1)");
  pod = PodOf("one", {"c1"});
  pod.spec.resource_claims[0].resource_claim_name.reset();
  pod.spec.resource_claims[0].resource_claim_template_name = "t";
  EXPECT_EQ(error_of(pod),
            "prepare dynamic resources: pod \"ns/one\": ResourceClaim not created yet");
  auto& status = pod.status.resource_claim_statuses.emplace_back();
  status.name = "my-c1";
  EXPECT_EQ(error_of(pod), "") << "none was made, as none is needed";
  status.resource_claim_name = "c1";
  EXPECT_EQ(error_of(pod),
            "prepare dynamic resources: ResourceClaim ns/c1 was not created for pod ns/one (pod is "
            "not owner)");
  EXPECT_TRUE(driver_.calls.empty());
  driver_.fails["uid-of-c1"] = "broken";
  pod = PodOf("two", {"c1"});
  EXPECT_EQ(error_of(pod),
            "prepare dynamic resources: NodePrepareResources failed for ResourceClaim c1: broken");
  driver_.fails.clear();
  driver_.skips = true;
  EXPECT_EQ(error_of(pod),
            "prepare dynamic resources: NodePrepareResources skipped 1 ResourceClaims");
  driver_.skips = false;
  EXPECT_EQ(error_of(pod), "") << "tried again";
}

TEST_F(ClaimManagerTest, ARestartedKubeletKnowsWhatItHasPreparedAndGivesItBack) {
  RegisterDriver();
  AddClaim("c1");
  const auto pod = PodOf("one", {"c1"});
  ASSERT_EQ(Error(manager_->Prepare(pod)), "");
  MakeManager();
  EXPECT_EQ(manager_->CdiDevices(pod, pod.spec.containers[0]).value_or(Calls{}),
            Calls{"vendor.com/class=c1"});
  manager_->Step();
  EXPECT_EQ(driver_.calls.size(), 1U) << "the pods are not known yet";
  pods_ = {"uid-of-another"};
  manager_->Step();
  EXPECT_EQ(driver_.calls, (Calls{"v1 prepare c1", "v1 unprepare c1"}));
}

TEST_F(ClaimManagerTest, AnotherClaimOfTheNameWaitsUntilTheOldOneIsGivenBack) {
  RegisterDriver();
  AddClaim("c1");
  const auto old = PodOf("one", {"c1"});
  ASSERT_EQ(Error(manager_->Prepare(old)), "");
  claims_["c1"].metadata.uid = "uid-2";
  const auto pod = PodOf("two", {"c1"});
  EXPECT_EQ(Error(manager_->Prepare(pod)),
            "prepare dynamic resources: old ResourceClaim with same name c1 and different UID "
            "uid-of-c1 still exists (previous pod force-deleted?!)");
  ASSERT_EQ(Error(manager_->Unprepare(old)), "");
  EXPECT_EQ(Error(manager_->Prepare(pod)), "");
}

TEST_F(ClaimManagerTest, NobodyHasAClaimWhileItIsGivenBack) {
  RegisterDriver();
  AddClaim("c1");
  const auto one = PodOf("one", {"c1"});
  const auto two = PodOf("two", {"c1"});
  ASSERT_EQ(Error(manager_->Prepare(one)), "");
  std::string meanwhile, again;
  driver_.unprepares = [&] {
    meanwhile = Error(manager_->Prepare(two));
    again = Error(manager_->Unprepare(one));
  };
  driver_.fails["uid-of-c1"] = "broken";
  EXPECT_NE(Error(manager_->Unprepare(one)), "");
  EXPECT_EQ(meanwhile, "prepare dynamic resources: ResourceClaim c1 is being unprepared");
  EXPECT_EQ(again, "unprepare dynamic resources: ResourceClaim c1 is being unprepared");
  driver_.fails.clear();
  EXPECT_EQ(Error(manager_->Prepare(two)), "");
  EXPECT_EQ(driver_.calls, (Calls{"v1 prepare c1", "v1 unprepare c1", "v1 prepare c1"}))
      << "how far the driver came is not known";
  EXPECT_EQ(Error(manager_->Unprepare(one)), "") << "the other one has it";
  driver_.unprepares = [&] { meanwhile = Error(manager_->Prepare(one)); };
  meanwhile.clear();
  EXPECT_EQ(Error(manager_->Unprepare(two)), "");
  EXPECT_EQ(meanwhile, "prepare dynamic resources: ResourceClaim c1 is being unprepared");
  EXPECT_EQ(Error(manager_->Prepare(one)), "");
}

TEST_F(ClaimManagerTest, AFileThatCannotBeReadIsKeptAndNothingIsDoneWithoutIt) {
  RegisterDriver();
  AddClaim("c1");
  const auto pod = PodOf("one", {"c1"});
  ASSERT_EQ(Error(manager_->Prepare(pod)), "");
  const std::string file = tree_.root() + "/dra_manager_state";
  std::filesystem::rename(file, file + ".kept");
  tree_.Write("dra_manager_state", "broken");
  MakeManager();
  const std::string why = "dynamic resources: ResourceClaim state cannot be read from " + file;
  EXPECT_TRUE(Error(manager_->Prepare(pod)).starts_with("prepare " + why));
  EXPECT_TRUE(Error(manager_->Unprepare(pod)).starts_with("unprepare " + why));
  EXPECT_FALSE(manager_->CdiDevices(pod, pod.spec.containers[0]));
  pods_.emplace();
  manager_->Step();
  EXPECT_EQ(std::filesystem::file_size(file), 6U);
  EXPECT_EQ(driver_.calls.size(), 1U);
  std::filesystem::rename(file + ".kept", file);
  manager_->Step();
  EXPECT_EQ(driver_.calls, (Calls{"v1 prepare c1", "v1 unprepare c1"}));
  EXPECT_EQ(Error(manager_->Prepare(pod)), "");
}

TEST_F(ClaimManagerTest, AContainerHasNothingOfAClaimThatItsPodWasNotGiven) {
  RegisterDriver();
  AddClaim("c1");
  ASSERT_EQ(Error(manager_->Prepare(PodOf("one", {"c1"}))), "");
  auto thief = PodOf("two", {"c1"});
  thief.spec.resource_claims[0].resource_claim_name.reset();
  thief.spec.resource_claims[0].resource_claim_template_name = "t";
  auto& status = thief.status.resource_claim_statuses.emplace_back();
  status.name = "my-c1";
  status.resource_claim_name = "c1";
  EXPECT_EQ(manager_->CdiDevices(thief, thief.spec.containers[0]).error().message,
            "internal error: unable to get claim info for ResourceClaim c1");
}

TEST_F(ClaimManagerTest, WhatIsKeptIsReadAsKubeletsWriteIt) {
  const std::string written =
      R"({"Data":"{\"kind\":\"DRACheckpoint\",\"apiVersion\":\"checkpoint.dra.kubelet.k8s.io/v)"
      R"(1\",\"ClaimInfoStateList\":[{\"ClaimUID\":\"uid-1\",\"ClaimName\":\"c1\",\"Namespace\)"
      R"(":\"ns\",\"PodUIDs\":{\"pod-1\":{}},\"DriverState\":{\"fake.dra\":{\"Devices\":[{\"Po)"
      R"(olName\":\"pool\",\"DeviceName\":\"dev-1\",\"ShareID\":null,\"RequestNames\":[\"gpu\")"
      R"(],\"CDIDeviceIDs\":[\"vendor.com/gpu=1\"]}]}}}]}",)";
  const auto claims = ParseCheckpoint(written + R"("Checksum":3332592519})");
  ASSERT_TRUE(claims) << claims.error().message;
  const ClaimInfo& claim = claims->at({"ns", "c1"});
  EXPECT_EQ(claim.CdiDevices("gpu"), Calls{"vendor.com/gpu=1"});
  EXPECT_EQ(claim.CdiDevices("another"), Calls{});
  EXPECT_EQ(claim.pods, std::set<std::string>{"pod-1"});
  const auto data_of = [](const std::string& text) {
    return Json::parse(Json::parse(text).at("Data").get<std::string>());
  };
  EXPECT_EQ(data_of(CheckpointOf(*claims)), data_of(written + R"("Checksum":3332592519})"));
  EXPECT_FALSE(ParseCheckpoint(written + R"("Checksum":1})"));
}

}  // namespace
}  // namespace skiff::kubelet::dra
