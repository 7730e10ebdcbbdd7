#include "kubelet/csi/driver_registration.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <thread>
#include <utility>

#include "client/transport.h"
#include "kubelet/csi_grpc_fake.h"
#include "kubelet/plugins/plugin_registrar.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet::csi {
namespace {

class DriverRegistrationTest : public testing::Test {
 protected:
  DriverRegistrationTest() {
    std::filesystem::create_directory(directory_);
    objects_[kNode] = {
        {"apiVersion", "v1"}, {"kind", "Node"}, {"metadata", {{"name", "n1"}, {"uid", "uid-1"}}}};
    objects_[kCsiNode] = {{"apiVersion", "storage.k8s.io/v1"},
                          {"kind", "CSINode"},
                          {"metadata", {{"name", "n1"}}},
                          {"spec", {{"drivers", Json::array()}}}};
  }
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    const auto found = objects_.find(request.path);
    if (found == objects_.end()) {
      response.status = 404;
      response.body =
          R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound"})";
      return response;
    }
    if (request.method != "GET" && before_write_) before_write_();
    if (request.method == "PUT") found->second = Json::parse(request.body);
    if (request.method == "PATCH") found->second.merge_patch(Json::parse(request.body));
    response.body = found->second.dump();
    return response;
  }
  Json DriversOfApi() { return objects_[kCsiNode]["spec"].value("drivers", Json::array()); }
  std::string Socket() const { return directory_ + "/fake.csi-reg.sock"; }

  static constexpr char kNode[] = "/api/v1/nodes/n1";
  static constexpr char kCsiNode[] = "/apis/storage.k8s.io/v1/csinodes/n1";
  TemporaryTree tree_;
  const std::string directory_ = tree_.root() + "/plugins_registry";
  std::map<std::string, Json> objects_;
  std::function<void()> before_write_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  FakeClock clock_;
  Drivers drivers_;
  DriverRegistration registration_{"n1", client_,
                                   [this] {
                                     return client_.Get<core_v1::Node>({"", "n1"});
                                   },
                                   drivers_};
  plugins::PluginRegistrar registrar_{
      tree_.root(), clock_, nullptr, {{kPluginType, &registration_}}, nullptr};
};

TEST_F(DriverRegistrationTest, TheApiIsToldOfADriverAndTheDriverOfThat) {
  const FakeDriver driver(Socket());
  registrar_.Step();
  EXPECT_TRUE(driver.told.plugin_registered()) << driver.told.error();
  EXPECT_EQ(drivers_.Endpoint("fake.csi").value_or(""), Socket());
  EXPECT_EQ(DriversOfApi(), Json::parse(R"([{"name": "fake.csi", "nodeID": "id-of-n1",
      "topologyKeys": ["fake.csi/zone"], "allocatable": {"count": 5}}])"));
  const Json& metadata = objects_[kNode]["metadata"];
  EXPECT_EQ(metadata["annotations"]["csi.volume.kubernetes.io/nodeid"],
            R"({"fake.csi":"id-of-n1"})");
  EXPECT_EQ(metadata["labels"]["fake.csi/zone"], "a");
}

TEST_F(DriverRegistrationTest, ADriverWhoseSocketGoesIsGone) {
  {
    const FakeDriver driver(Socket());
    registrar_.Step();
    ASSERT_TRUE(drivers_.Has("fake.csi"));
  }
  registrar_.Step();
  EXPECT_FALSE(drivers_.Has("fake.csi"));
  EXPECT_TRUE(DriversOfApi().empty()) << DriversOfApi();
  EXPECT_FALSE(
      objects_[kNode]["metadata"]["annotations"].contains("csi.volume.kubernetes.io/nodeid"));
  EXPECT_EQ(objects_[kNode]["metadata"]["labels"]["fake.csi/zone"], "a");
}

TEST_F(DriverRegistrationTest, APluginOfAnotherTypeIsToldThatNobodyServesIt) {
  const FakeDriver driver(Socket(), "DRAPlugin");
  registrar_.Step();
  EXPECT_FALSE(driver.told.plugin_registered());
  EXPECT_EQ(driver.told.error(),
            "RegisterPlugin error -- no handler registered for plugin type: DRAPlugin at socket " +
                Socket());
  EXPECT_EQ(DriversOfApi(), Json::array());
}

TEST_F(DriverRegistrationTest, WhatCouldNotBeWrittenIsTriedAgain) {
  const Json kept = objects_[kCsiNode];
  objects_.erase(kCsiNode);
  const FakeDriver driver(Socket());
  EXPECT_EQ(registrar_.Step(), plugins::PluginRegistrar::kFirstRetry);
  EXPECT_FALSE(driver.told.plugin_registered());
  EXPECT_FALSE(drivers_.Has("fake.csi"));
  objects_[kCsiNode] = kept;
  clock_.Advance(plugins::PluginRegistrar::kFirstRetry);
  registrar_.Step();
  EXPECT_TRUE(driver.told.plugin_registered()) << driver.told.error();
}

TEST_F(DriverRegistrationTest, ADriverThatDoesNotAnswerKeepsNoOtherPluginWaiting) {
  std::promise<void> other_told, told;
  FakeDriver slow(directory_ + "/a.sock");
  FakeDriver other(directory_ + "/b.sock", "DRAPlugin");
  bool is_in_time = false;
  slow.asked = [&, future = other_told.get_future().share()] {
    is_in_time = future.wait_for(10s) == std::future_status::ready;
  };
  other.on_told = [&] { other_told.set_value(); };
  slow.on_told = [&] { told.set_value(); };
  ThreadExecutor executor{"plugins", 4};
  plugins::PluginRegistrar registrar{
      tree_.root(), clock_, nullptr, {{kPluginType, &registration_}}, &executor};
  executor.Add(registrar);
  told.get_future().wait();
  executor.Remove(registrar);
  EXPECT_TRUE(is_in_time);
  EXPECT_TRUE(drivers_.Has("fake.csi"));
}

// The API server may hang as long as it likes while it is told of one.
TEST_F(DriverRegistrationTest, NobodyWaitsForADriverThatRegisters) {
  std::future<bool> others;
  before_write_ = [&] {
    if (others.valid()) return;
    others = std::async(std::launch::async, [this] {
      registration_.Unregister({.type = kPluginType, .name = "gone.csi"});
      return registration_.IsSettled();
    });
    EXPECT_EQ(others.wait_for(10s), std::future_status::ready);
  };
  const FakeDriver driver(Socket());
  registrar_.Step();
  EXPECT_FALSE(others.get()) << "the API is told later";
  EXPECT_TRUE(drivers_.Has("fake.csi"));
  EXPECT_TRUE(registration_.IsSettled());
}

TEST_F(DriverRegistrationTest, NobodyWaitsUntilTheApiKnowsThatADriverIsGone) {
  std::promise<void> looked_on;
  ThreadExecutor executor{"plugins", 2};
  plugins::PluginRegistrar registrar{
      tree_.root(), clock_, nullptr, {{kPluginType, &registration_}}, &executor};
  {
    FakeDriver driver(Socket());
    std::promise<void> told;
    driver.on_told = [&] { told.set_value(); };
    registrar.Step();
    told.get_future().wait();
  }
  before_write_ = [&, is_first = true, future = looked_on.get_future().share()]() mutable {
    if (!std::exchange(is_first, false)) return;
    EXPECT_EQ(future.wait_for(10s), std::future_status::ready);
  };
  // Until it has heard what became of the driver, which it has told already.
  while (drivers_.Has("fake.csi")) registrar.Step();
  looked_on.set_value();
  while (!registration_.IsSettled()) std::this_thread::yield();
  EXPECT_TRUE(DriversOfApi().empty()) << DriversOfApi();
}

}  // namespace
}  // namespace skiff::kubelet::csi
