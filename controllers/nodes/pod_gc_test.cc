// When the collector of pods goes to work; what it writes then, pod_marks_test.cc says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kMarked[] = "PATCH /api/v1/namespaces/default/pods/p/status";
constexpr char kDeleted[] = "DELETE /api/v1/namespaces/default/pods/p";

class PodGcTest : public testing::Test {
 protected:
  PodGcTest() {
    AddPodGarbageCollector(manager_, 0);
    manager_.Start(executor_);
  }
  ~PodGcTest() override { manager_.Stop(); }

  // From now on this is the one node, n.
  void SetNode(const char* ready, const Json& taints) {
    nodes_.Replace(
        {RawJson(Json{{"metadata", MetadataOf("n")},
                      {"spec", {{"taints", taints}}},
                      {"status", {{"conditions", {{{"type", "Ready"}, {"status", ready}}}}}}})},
        NextRevision());
  }
  // And this the one pod, which was deleted.
  void SetPod(const std::string& node) {
    Json metadata = MetadataOf("p");
    metadata["namespace"] = "default";
    metadata["deletionTimestamp"] = "2027-01-15T08:00:00Z";
    pods_.Replace({RawJson(Json{{"metadata", metadata},
                                {"spec", {{"nodeName", node}}},
                                {"status", {{"phase", "Running"}}}})},
                  NextRevision());
  }
  // What is asked of the server meanwhile.
  std::vector<std::string> During(Duration length) {
    asked_.clear();
    executor_.RunFor(length);
    return asked_;
  }

  int answer_ = 200;

 private:
  Json MetadataOf(const char* name) {
    return {{"name", name}, {"uid", name}, {"resourceVersion", NextRevision()}};
  }
  std::string NextRevision() { return std::to_string(++revision_); }

  int revision_ = 0;
  std::vector<std::string> asked_;
  FakeClock clock_{TimePoint(std::chrono::seconds(1'800'000'000))};
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  InProcessTransport transport_{[this](const http::Request& request) {
    if (request.method == "GET") return http::Response{.status = 503};
    asked_.push_back(request.method + " " + request.path);
    return http::Response{.status = answer_, .body = "{}"};
  }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  InformerCache& nodes_ = informers_.For<core_v1::Node>().cache();
  InformerCache& pods_ = informers_.For<core_v1::Pod>().cache();
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
};

// The pods were deleted long before, when the node fell silent.
TEST_F(PodGcTest, ANodeThatIsSaidToBeOutOfServiceLosesThePodsThatWereDeletedThere) {
  const Json silent = Json::array({{{"key", "node.kubernetes.io/unreachable"}}});
  const Json down = Json::array({{{"key", "node.kubernetes.io/out-of-service"}}});
  SetNode("Unknown", silent);
  SetPod("n");
  EXPECT_THAT(During(5min), IsEmpty());
  SetNode("True", down);
  EXPECT_THAT(During(5min), IsEmpty()) << "it is there";
  SetNode("Unknown", down);
  EXPECT_THAT(During(1min), ElementsAre(kMarked, kDeleted));
}

TEST_F(PodGcTest, WhatCouldNotBeRemovedIsTriedAgain) {
  answer_ = 500;
  SetNode("True", Json::array());
  SetPod("");
  EXPECT_THAT(During(1s), Contains(kMarked));
  answer_ = 200;
  EXPECT_THAT(During(1min), ElementsAre(kMarked, kDeleted));
}

}  // namespace
}  // namespace skiff
