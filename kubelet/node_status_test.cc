#include "kubelet/node_status.h"

#include <gtest/gtest.h>

#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/cri_fake.h"

namespace skiff::kubelet {
namespace {

// An API with one node, that remembers the patches of its status.
class NodeStatusTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    if (request.method == "PATCH") {
      patch_ = Json::parse(request.body);
      node_.merge_patch(patch_);
    }
    response.body = node_.dump();
    return response;
  }
  void Report() {
    health_.Step();
    clock_.Advance(3s);
    loop_.Step();
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
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  cri::FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
  RuntimeHealth health_{runtime_, clock_, [] {}};
  NodeFacts facts_ = [] {
    NodeFacts facts;
    facts.milli_cpu = 4000;
    facts.memory_bytes = int64_t{8} << 30;
    return facts;
  }();
  NodeStatusLoop loop_{"n1",
                       facts_,
                       {},
                       {client_, clock_, runtime_, health_, manager_.Recorder("kubelet", "n1"),
                        [] { return std::set<std::string>(); }}};
};

TEST_F(NodeStatusTest, WhatOthersAdvertiseStaysAndCanBeAllotted) {
  node_["status"]["capacity"]["example.com/dongle"] = "5";
  Report();
  EXPECT_EQ(At("/status/capacity/cpu"), "4");
  EXPECT_EQ(At("/status/capacity/example.com~1dongle"), "5");
  EXPECT_EQ(At("/status/allocatable/example.com~1dongle"), "5");
}

TEST_F(NodeStatusTest, WhatIsNoLongerAdvertisedCannotBeAllotted) {
  node_["status"]["allocatable"]["example.com/dongle"] = "5";
  Report();
  EXPECT_EQ(At("/status/allocatable/cpu"), "4");
  EXPECT_EQ(At("/status/allocatable/example.com~1dongle"), Json());
}

}  // namespace
}  // namespace skiff::kubelet
