#include "kubelet/dra/drivers.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "client/transport.h"
#include "kubelet/dra/dra_grpc_fake.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet::dra {
namespace {

class DraDriversTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    response.body = R"({"kind":"Status","apiVersion":"v1","status":"Success"})";
    if (request.method == "DELETE") {
      if (fails_) {
        response.status = 500;
        response.body = R"({"kind":"Status","apiVersion":"v1","status":"Failure"})";
      }
      deletes_.push_back(request.target);
    }
    return response;
  }
  // Until the connection says so: it is made by threads of gRPC's.
  void WaitFor(bool connected) {
    const auto found = drivers_.Find("fake.dra");
    ASSERT_TRUE(found);
    while ((*found)->IsConnected() != connected) std::this_thread::yield();
  }

  TemporaryTree tree_;
  const std::string socket_ = tree_.root() + "/dra.sock";
  bool fails_ = false;
  std::vector<std::string> deletes_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "kubelet"};
  FakeClock clock_;
  bool has_node_ = true;
  Drivers drivers_{"n1", client_, clock_,
                   [this]() -> Result<Ptr<core_v1::Node>> {
                     if (!has_node_) return Fail(Reason::kNotFound, "no Node");
                     return std::make_shared<const core_v1::Node>();
                   },
                   nullptr};
  const plugins::PluginInfo info_{kPluginType, "fake.dra", socket_, {"v1.DRAPlugin"}};
};

TEST_F(DraDriversTest, SlicesOfAKubeletThatRanBeforeAreDeletedOnceThereIsANode) {
  has_node_ = false;
  EXPECT_EQ(drivers_.Step(), Drivers::kFirstRetry);
  EXPECT_TRUE(deletes_.empty());
  has_node_ = true;
  clock_.Advance(Drivers::kFirstRetry);
  EXPECT_EQ(drivers_.Step(), kNever);
  ASSERT_EQ(deletes_.size(), 1U);
  EXPECT_NE(deletes_[0].find("/apis/resource.k8s.io/v1/resourceslices?"), std::string::npos)
      << deletes_[0];
  EXPECT_NE(deletes_[0].find("spec.nodeName%3Dn1"), std::string::npos) << deletes_[0];
  clock_.Advance(10min);
  drivers_.Step();
  EXPECT_EQ(deletes_.size(), 1U);
}

TEST_F(DraDriversTest, SlicesOfADriverGoWhenItHasBeenAwayForLongEnough) {
  drivers_.Step();
  deletes_.clear();
  auto driver = std::make_unique<FakeDraDriver>(socket_);
  ASSERT_TRUE(drivers_.Register(info_));
  WaitFor(true);
  drivers_.Step();
  clock_.Advance(10min);
  drivers_.Step();
  EXPECT_TRUE(deletes_.empty()) << "it is there";
  driver.reset();
  WaitFor(false);
  drivers_.Step();
  clock_.Advance(Drivers::kWipeDelay - 1s);
  drivers_.Step();
  EXPECT_TRUE(deletes_.empty()) << "it may come back";
  drivers_.Unregister(info_);
  clock_.Advance(1s);
  EXPECT_EQ(drivers_.Step(), kNever);
  ASSERT_EQ(deletes_.size(), 1U);
  EXPECT_NE(deletes_[0].find("spec.driver%3Dfake.dra,spec.nodeName%3Dn1"), std::string::npos)
      << deletes_[0];
}

TEST_F(DraDriversTest, ThePluginThatAnswersIsFoundAmongThoseOfADriver) {
  const FakeDraDriver driver(socket_);
  ASSERT_TRUE(drivers_.Register(info_));
  auto other = info_;
  other.endpoint += ".other";  // Nobody listens there.
  ASSERT_TRUE(drivers_.Register(other));
  EXPECT_EQ(drivers_.Register(other).error().message,
            "endpoint " + other.endpoint + " already registered for DRA driver plugin fake.dra");
  while (true) {
    const auto found = drivers_.Find("fake.dra");
    ASSERT_TRUE(found);
    if ((*found)->endpoint() == socket_) break;
    std::this_thread::yield();
  }
  drivers_.Unregister(info_);
  EXPECT_EQ((*drivers_.Find("fake.dra"))->endpoint(), other.endpoint) << "away, but the last one";
}

TEST_F(DraDriversTest, ADriverOfNoNameIsRefusedForItWouldStandForAll) {
  auto info = info_;
  for (const char* name : {"", "a,spec.nodeName=n2", "fake..dra"}) {
    info.name = name;
    EXPECT_TRUE(drivers_.RefusalOf(info).starts_with("invalid DRA driver name \"")) << name;
  }
  info.name = "Fake.dra";
  EXPECT_EQ(drivers_.RefusalOf(info), "");
}

TEST_F(DraDriversTest, VersionsThatAreNotServedAreRefused) {
  auto info = info_;
  EXPECT_EQ(drivers_.RefusalOf(info), "");
  info.versions = {"v1beta1.DRAPlugin"};
  EXPECT_EQ(drivers_.RefusalOf(info), "");
  info.versions = {"v1alpha4.Node", "1.0.0"};
  EXPECT_EQ(drivers_.RefusalOf(info),
            "invalid supported gRPC versions of DRA driver plugin fake.dra at endpoint " + socket_ +
                ": none of services supported by the plugin ([\"v1alpha4.Node\" \"1.0.0\"]) are "
                "supported by the kubelet ([\"v1.DRAPlugin\" \"v1beta1.DRAPlugin\"])");
  info.versions.clear();
  EXPECT_NE(drivers_.RefusalOf(info).find("empty list of supported gRPC services"),
            std::string::npos);
}

}  // namespace
}  // namespace skiff::kubelet::dra
