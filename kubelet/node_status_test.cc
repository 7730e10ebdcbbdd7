#include "kubelet/node_status.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "client/recorder.h"
#include "client/transport.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

// Tells what it can, as newer runtimes do.
class TellingRuntime final : public cri::WrappedRuntime {
 public:
  explicit TellingRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<cri::RuntimeStatus> Status() override {
    cri::RuntimeStatus status = TRY(WrappedRuntime::Status());
    status.handlers = can.handlers;
    status.supplemental_groups_policy = can.supplemental_groups_policy;
    return status;
  }
  cri::RuntimeStatus can;
};

// An API with one node, that remembers the patches of its status.
class NodeStatusTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    if (request.path.ends_with("/events")) {
      const Json event = Json::parse(request.body);
      told_.push_back(event.at("reason").get<std::string>() + " " +
                      event.at("message").get<std::string>());
      response.status = 201;
      response.body = request.body;
      return response;
    }
    if (request.method == "PATCH") {
      ++writes_;
      patch_ = Json::parse(request.body);
      node_.merge_patch(patch_);
    }
    if (request.method == "POST") {
      ++writes_;
      node_ = Json::parse(request.body);
    }
    response.body = node_.dump();
    return response;
  }
  void Report() {
    health_.Step();
    clock_.Advance(3s);
    loop_.Step();
  }
  // What was told of the node, "NodeReady Node n1 status is now: NodeReady".
  const std::vector<std::string>& Events() {
    while (events_.Step() == 0ns) {
    }
    return told_;
  }
  Json At(const std::string& pointer) const {
    const Json::json_pointer where(pointer);
    return node_.contains(where) ? node_.at(where) : Json();
  }

  FakeClock clock_;
  SeededRandom random_{3};
  Json node_ = {{"apiVersion", "v1"},
                {"kind", "Node"},
                {"metadata", {{"name", "n1"}, {"uid", "u"}, {"resourceVersion", "1"}}},
                {"status", Json::object()}};
  Json patch_;
  int writes_ = 0;
  int registered_ = 0;
  std::vector<std::string> in_use_, reported_;
  std::map<std::string, std::pair<int64_t, int64_t>> devices_;
  bool forgets_devices_ = false;
  std::vector<std::string> ips_ = {"192.0.2.1"};
  // What the loop finds: by default, what the API has.
  std::function<Result<Ptr<core_v1::Node>>()> find_ = [this] {
    return client_.Get<core_v1::Node>({"", "n1"});
  };
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  std::vector<std::string> told_;
  EventSink events_{client_, clock_};
  EventRecorder recorder_{events_, clock_, "kubelet", "n1"};
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/24"};
  TellingRuntime runtime_{fake_};
  RuntimeHealth health_{runtime_, clock_, [] {}};
  NodeFacts facts_ = [] {
    NodeFacts facts;
    facts.milli_cpu = 4000;
    facts.memory_bytes = int64_t{8} << 30;
    facts.swap_bytes = int64_t{1} << 30;
    facts.architecture = "amd64";
    facts.boot_id = "now";
    facts.annotations = {{"skiff.io/knows", "true"}};
    return facts;
  }();
  NodeStatusLoop loop_{
      "n1",
      facts_,
      {},
      {client_, clock_, runtime_, health_, recorder_, [] { return std::set<std::string>(); },
       [this] { return find_(); }, [this] { ++registered_; }, [this] { return in_use_; },
       [this](const auto& names) { reported_ = names; }, [this] { return devices_; },
       [this] { return forgets_devices_; }, [this] { return ips_; }}};
};

TEST_F(NodeStatusTest, VolumesInUseAreToldAtOnce) {
  Report();
  EXPECT_EQ(At("/status/volumesInUse"), Json());
  in_use_ = {"kubernetes.io/csi/fake.csi^v1"};
  loop_.Changed();
  loop_.Step();
  EXPECT_EQ(At("/status/volumesInUse/0"), "kubernetes.io/csi/fake.csi^v1");
  EXPECT_EQ(reported_, in_use_) << "the API has them";
  in_use_.clear();
  loop_.Changed();
  loop_.Step();
  EXPECT_EQ(At("/status/volumesInUse/0"), Json());
}

TEST_F(NodeStatusTest, DevicesOfPluginsAreCountedAndThoseThatAreWellCanBeAllotted) {
  devices_["example.com/gpu"] = {4, 3};
  Report();
  EXPECT_EQ(At("/status/capacity/example.com~1gpu"), "4");
  EXPECT_EQ(At("/status/allocatable/example.com~1gpu"), "3");
  devices_["example.com/gpu"] = {0, 0};
  loop_.Changed();
  loop_.Step();
  EXPECT_EQ(At("/status/capacity/example.com~1gpu"), "0");
  EXPECT_EQ(At("/status/allocatable/example.com~1gpu"), "0");
}

TEST_F(NodeStatusTest, WhatOthersAdvertiseStaysAndCanBeAllotted) {
  node_["status"]["capacity"]["example.com/dongle"] = "5";
  Report();
  EXPECT_EQ(At("/status/capacity/cpu"), "4");
  EXPECT_EQ(At("/status/capacity/example.com~1dongle"), "5");
  EXPECT_EQ(At("/status/allocatable/example.com~1dongle"), "5");
}

TEST_F(NodeStatusTest, DevicesOfPluginsThatNobodyKnowsOfAreNoneUntilTheyAreToldOfAgain) {
  node_["status"]["capacity"]["example.com/gpu"] = "5";
  node_["status"]["capacity"]["example.com/tpu"] = "5";
  devices_["example.com/tpu"] = {3, 2};
  forgets_devices_ = true;
  Report();
  EXPECT_EQ(At("/status/capacity/example.com~1gpu"), "0");
  EXPECT_EQ(At("/status/allocatable/example.com~1gpu"), "0");
  EXPECT_EQ(At("/status/capacity/example.com~1tpu"), "3");
  node_["status"]["capacity"]["example.com/gpu"] = "4";
  loop_.Changed();
  loop_.Step();
  EXPECT_EQ(At("/status/capacity/example.com~1gpu"), "4");
  EXPECT_EQ(At("/status/allocatable/example.com~1gpu"), "4");
}

TEST_F(NodeStatusTest, AMachineInAnotherNetworkIsToldOf) {
  Report();
  EXPECT_EQ(At("/status/addresses/0/address"), "192.0.2.1");
  ips_ = {"198.51.100.7", "2001:db8::7"};
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_EQ(At("/status/addresses/0/address"), "198.51.100.7");
  EXPECT_EQ(At("/status/addresses/1/address"), "2001:db8::7");
  EXPECT_EQ(At("/status/addresses/2/type"), "Hostname");
}

TEST_F(NodeStatusTest, WhatTheRuntimeCanAndSwapAreTold) {
  runtime_.can.handlers = {{"", true, false}, {"kata", false, true}};
  runtime_.can.supplemental_groups_policy = true;
  Report();
  EXPECT_EQ(At("/status/runtimeHandlers"),
            Json::parse(R"([{"name":"","features":{"recursiveReadOnlyMounts":true,
                                                   "userNamespaces":false}},
                            {"name":"kata","features":{"recursiveReadOnlyMounts":false,
                                                       "userNamespaces":true}}])"));
  EXPECT_EQ(At("/status/features/supplementalGroupsPolicy"), true);
  EXPECT_EQ(At("/status/nodeInfo/swap/capacity"), int64_t{1} << 30);
}

TEST_F(NodeStatusTest, LabelsThatEveryNodeHasComeBack) {
  Report();
  EXPECT_EQ(At("/metadata/labels/kubernetes.io~1os"), "linux");
  const int before = writes_;
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_EQ(writes_, before) << "they are there";
  node_["metadata"]["labels"]["kubernetes.io/os"] = "windows";
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_EQ(At("/metadata/labels/kubernetes.io~1os"), "linux");
  EXPECT_EQ(writes_, before + 1);
}

// Of a program before this one there is a Node without them.
TEST_F(NodeStatusTest, AnnotationsOfItsProgramComeToANodeThatIsThere) {
  node_["metadata"]["annotations"]["of.others"] = "x";
  Report();
  EXPECT_EQ(At("/metadata/annotations/skiff.io~1knows"), "true");
  node_["metadata"]["annotations"].erase("skiff.io/knows");
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_EQ(At("/metadata/annotations/skiff.io~1knows"), "true");
  EXPECT_EQ(At("/metadata/annotations/of.others"), "x");
  node_ = Json();
  find_ = [] { return Fail(Reason::kNotFound, "none"); };
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_EQ(At("/metadata/annotations/skiff.io~1knows"), "true") << "made anew";
}

TEST_F(NodeStatusTest, WhoIsKeptFromTheNodeAndWhenItIsBootedIsToldOnce) {
  node_["status"]["nodeInfo"]["bootID"] = "before";
  node_["spec"]["unschedulable"] = true;
  Report();
  clock_.Advance(10s);
  loop_.Step();
  node_["spec"].erase("unschedulable");
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_THAT(Events(),
              testing::IsSupersetOf({"Rebooted Node n1 has been rebooted, boot id: now",
                                     "NodeNotSchedulable Node n1 status is now: NodeNotSchedulable",
                                     "NodeSchedulable Node n1 status is now: NodeSchedulable"}));
  const auto is_boot = [](const auto& text) { return text.starts_with("Rebooted"); };
  EXPECT_EQ(std::count_if(told_.begin(), told_.end(), is_boot), 1);
}

TEST_F(NodeStatusTest, WhatIsNoLongerAdvertisedCannotBeAllotted) {
  node_["status"]["allocatable"]["example.com/dongle"] = "5";
  Report();
  EXPECT_EQ(At("/status/allocatable/cpu"), "4");
  EXPECT_EQ(At("/status/allocatable/example.com~1dongle"), Json());
}

TEST_F(NodeStatusTest, ANodeIsMadeWithItsStatusByOneWriteAlthoughTheCacheIsBehind) {
  find_ = []() -> Result<Ptr<core_v1::Node>> { return Fail(Reason::kNotFound, "not there"); };
  Report();
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(registered_, 1);
  EXPECT_EQ(At("/status/conditions/3/type"), "Ready");
  EXPECT_EQ(loop_.Step(), 10s);
  loop_.Changed();  // It has not: nothing is written.
  loop_.Step();
  EXPECT_EQ(writes_, 1);
}

TEST_F(NodeStatusTest, ANodeThatWasDeletedIsMadeAgain) {
  find_ = []() -> Result<Ptr<core_v1::Node>> { return Fail(Reason::kNotFound, "not there"); };
  Report();
  clock_.Advance(10s);
  loop_.Step();
  EXPECT_EQ(registered_, 2);
}

TEST_F(NodeStatusTest, WhatChangedIsWrittenAtOnceAndNotTwice) {
  Report();
  const int before = writes_;
  const auto seen = *client_.Get<core_v1::Node>({"", "n1"});
  find_ = [seen]() -> Result<Ptr<core_v1::Node>> { return seen; };  // The cache stays behind.
  node_["metadata"]["resourceVersion"] = "2";
  fake_.SetNetworkReady(false);
  health_.Step();
  loop_.Changed();
  loop_.Step();
  EXPECT_EQ(writes_, before + 1);
  EXPECT_EQ(At("/status/conditions/3/status"), "False");
  loop_.Changed();
  loop_.Step();
  EXPECT_EQ(writes_, before + 1);
}

TEST_F(NodeStatusTest, NothingIsWrittenBeforeItIsKnownWhetherThereIsANode) {
  find_ = []() -> Result<Ptr<core_v1::Node>> { return Ptr<core_v1::Node>(); };
  Report();
  EXPECT_EQ(writes_, 0);
}

}  // namespace
}  // namespace skiff::kubelet
