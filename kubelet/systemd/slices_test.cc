#include "kubelet/systemd/slices.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "kubelet/systemd/fake_bus.h"

namespace skiff::kubelet {
namespace {

using testing::ElementsAre;

// What a systemd does that stops what there is, or answers with an error of that name.
FakeBus::Answers Systemd(const std::string& error = "") {
  return [error](const BusMessage& call, BusMessage reply) {
    if (call.member == "StopUnit" && !error.empty()) {
      reply.type = BusMessageType::kError;
      reply.error_name = error;
      reply.values = {std::string("it says why")};
    }
    return std::vector<BusMessage>{reply};
  };
}

class SlicesTest : public testing::Test {
 protected:
  ~SlicesTest() override { std::filesystem::remove_all(directory_); }
  static std::string NewDirectory() {
    char name[] = "/tmp/skiff-slices-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    return name;
  }
  const std::string directory_ = NewDirectory();
  FakeClock clock_;
  const std::unique_ptr<Slices> slices_ =
      MakeSlices(clock_, {directory_ + "/bus", directory_ + "/private"});
};

TEST_F(SlicesTest, SystemdIsAskedOverTheBus) {
  FakeBus bus(directory_ + "/bus", Systemd());
  const auto stopped = slices_->Stop("kubepods-pod1.slice");
  ASSERT_TRUE(stopped) << stopped.error().message;
  bus.Join();
  EXPECT_THAT(bus.calls, ElementsAre("Hello", "StopUnit"));
  const std::vector<BusMessage::Value> wanted = {std::string("kubepods-pod1.slice"),
                                                 std::string("replace")};
  EXPECT_EQ(bus.arguments[1], wanted);
}

TEST_F(SlicesTest, WithoutABusItIsAskedItself) {
  FakeBus systemd(directory_ + "/private", Systemd());
  const auto stopped = slices_->Stop("kubepods-pod1.slice");
  ASSERT_TRUE(stopped) << stopped.error().message;
  systemd.Join();
  EXPECT_THAT(systemd.calls, ElementsAre("StopUnit"));
}

TEST_F(SlicesTest, OneThatIsNotThereIsStopped) {
  FakeBus bus(directory_ + "/bus", Systemd("org.freedesktop.systemd1.NoSuchUnit"));
  EXPECT_TRUE(slices_->Stop("kubepods-pod1.slice"));
}

TEST_F(SlicesTest, WhatSystemdRefusesIsTold) {
  FakeBus bus(directory_ + "/bus", Systemd("org.freedesktop.DBus.Error.AccessDenied"));
  const auto stopped = slices_->Stop("kubepods-pod1.slice");
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message, "it says why");
}

// Pods that end meanwhile wait for nobody.
TEST_F(SlicesTest, WhoDoesNotAnswerIsLeftAloneForAWhile) {
  EXPECT_FALSE(slices_->Stop("kubepods-pod1.slice"));
  FakeBus bus(directory_ + "/bus", Systemd());
  EXPECT_FALSE(slices_->Stop("kubepods-pod1.slice"));
  clock_.Advance(30s);
  EXPECT_TRUE(slices_->Stop("kubepods-pod1.slice"));
}

}  // namespace
}  // namespace skiff::kubelet
