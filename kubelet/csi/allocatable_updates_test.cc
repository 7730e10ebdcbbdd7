#include "kubelet/csi/allocatable_updates.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "client/transport.h"
#include "kubelet/csi_grpc_fake.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet::csi {
namespace {

class AllocatableUpdatesTest : public testing::Test {
 protected:
  AllocatableUpdatesTest() {
    drivers_.Put({"fake.csi", tree_.root() + "/csi.sock", "id-of-n1", {}, 5});
    objects_[kNode] = Json::parse(R"({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
        "metadata": {"name": "n1", "resourceVersion": "1"}, "spec": {"drivers": [
        {"name": "fake.csi", "nodeID": "id-of-n1", "allocatable": {"count": 5}}]}})");
    objects_[kDriver] = Json::parse(R"({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
        "metadata": {"name": "fake.csi"}, "spec": {"nodeAllocatableUpdatePeriodSeconds": 600}})");
  }
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    if (asked_) asked_(request);
    Json& object = objects_[request.path];
    if (request.method == "PUT") object = Json::parse(request.body);
    response.body = object.dump();
    return response;
  }
  Json Count() { return objects_[kNode].at("/spec/drivers/0/allocatable/count"_json_pointer); }

  static constexpr char kNode[] = "/apis/storage.k8s.io/v1/csinodes/n1";
  static constexpr char kDriver[] = "/apis/storage.k8s.io/v1/csidrivers/fake.csi";
  TemporaryTree tree_;
  std::map<std::string, Json> objects_;
  std::function<void(const http::Request&)> asked_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  FakeClock clock_;
  Drivers drivers_;
  FakeDriver driver_{tree_.root() + "/csi.sock"};
  AllocatableUpdates updates_{"n1", client_, clock_, drivers_};
};

TEST_F(AllocatableUpdatesTest, ADriverIsAskedAgainWhenItsPeriodIsOver) {
  driver_.volumes_max = 3;
  EXPECT_EQ(updates_.Step(), AllocatableUpdates::kLookEvery);
  clock_.Advance(599s);
  EXPECT_EQ(updates_.Step(), 1s);
  EXPECT_EQ(Count(), 5);
  clock_.Advance(1s);
  updates_.Step();
  EXPECT_EQ(Count(), 3);
  EXPECT_EQ(drivers_.List().at(0).volumes_max, 3);
  EXPECT_EQ(objects_[kNode].at("/spec/drivers/0/nodeID"_json_pointer), "id-of-n1");
}

TEST_F(AllocatableUpdatesTest, AnAttacherThatFindsNoRoomIsReasonToAskAtOnce) {
  updates_.Step();
  driver_.volumes_max = 2;
  updates_.Exhausted("fake.csi");
  updates_.Step();
  EXPECT_EQ(Count(), 2);
}

TEST_F(AllocatableUpdatesTest, OneThatRegistersAnewMeanwhileStaysWhatItIs) {
  updates_.Step();
  driver_.volumes_max = 2;
  const std::string endpoint = tree_.root() + "/other.sock";
  asked_ = [&](const http::Request& request) {
    if (request.path != kNode) return;
    drivers_.Put({"fake.csi", endpoint, "other-id", {{"zone", "b"}}, 7});
    objects_[kNode]["spec"]["drivers"] =
        Json::parse(R"([{"name": "fake.csi", "nodeID": "other-id", "topologyKeys": ["zone"],
            "allocatable": {"count": 7}}])");
  };
  updates_.Exhausted("fake.csi");
  updates_.Step();
  EXPECT_EQ(Count(), 7);
  EXPECT_EQ(objects_[kNode].at("/spec/drivers/0/nodeID"_json_pointer), "other-id");
  const Driver now = drivers_.List().at(0);
  EXPECT_EQ(now.endpoint, endpoint);
  EXPECT_EQ(now.node_id, "other-id");
  EXPECT_EQ(now.volumes_max, 7);
}

TEST_F(AllocatableUpdatesTest, OneOfAPeriodBeyondAllClocksIsNotAskedAgain) {
  for (const int64_t seconds : {int64_t{1} << 34, int64_t{18'446'744'100}}) {
    objects_[kDriver]["spec"]["nodeAllocatableUpdatePeriodSeconds"] = seconds;
    driver_.volumes_max = 2;
    updates_.Step();
    clock_.Advance(1h);
    updates_.Step();
    EXPECT_EQ(Count(), 5);
  }
}

TEST_F(AllocatableUpdatesTest, OneThatGivesNoPeriodIsNotAsked) {
  objects_[kDriver]["spec"].erase("nodeAllocatableUpdatePeriodSeconds");
  driver_.volumes_max = 2;
  updates_.Step();
  clock_.Advance(1h);
  updates_.Exhausted("fake.csi");
  updates_.Step();
  EXPECT_EQ(Count(), 5);
}

}  // namespace
}  // namespace skiff::kubelet::csi
