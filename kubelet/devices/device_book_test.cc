#include "kubelet/devices/device_book.h"

#include <gtest/gtest.h>

namespace skiff::kubelet::devices {
namespace {

constexpr char kGpu[] = "example.com/gpu";

class DeviceBookTest : public testing::Test {
 protected:
  DeviceBookTest() { book_.Set(kGpu, {{"a", {true, {}}}, {"b", {true, {1}}}, {"c", {false, {}}}}); }
  std::string Error(const std::string& pod, size_t count, const std::string& resource = kGpu) {
    const auto choice = book_.Choose(pod, "main", resource, count, {});
    return choice ? "" : choice.error().message;
  }
  DeviceBook book_;
};

TEST_F(DeviceBookTest, WhatIsNotThereOrNotWellIsNotGiven) {
  EXPECT_EQ(Error("p1", 2), "");
  EXPECT_EQ(Error("p1", 3),
            "requested number of devices unavailable for example.com/gpu. Requested: 3, Available: "
            "2");
  EXPECT_EQ(Error("p1", 1, "example.com/tpu"),
            "cannot allocate unregistered device example.com/tpu");
  book_.Give("p1", "main", kGpu, {"a"}, "");
  EXPECT_EQ(Error("p2", 2),
            "requested number of devices unavailable for example.com/gpu. Requested: 2, Available: "
            "1");
  EXPECT_EQ(Error("p1", 1), "") << "it has it";
  EXPECT_EQ(Error("p1", 2),
            "pod \"p1\" container \"main\" changed request for resource \"example.com/gpu\" from 1 "
            "to 2");
  book_.Set(kGpu, {{"a", {false, {}}}, {"b", {true, {}}}});
  EXPECT_EQ(Error("p1", 1),
            "previously allocated devices are no longer healthy; cannot allocate unhealthy devices "
            "example.com/gpu");
  book_.Stop(kGpu, 0ns);
  EXPECT_EQ(Error("p2", 1),
            "no healthy devices present; cannot allocate unhealthy devices example.com/gpu");
}

TEST_F(DeviceBookTest, DevicesOfInitContainersAreTakenFirstAndPreferredOnesNext) {
  const auto choice = book_.Choose("p1", "main", kGpu, 2, {"x"});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->taken, DeviceIds{"x"});
  EXPECT_EQ(choice->missing, 1U);
  EXPECT_EQ(Complete(*choice, {}), (DeviceIds{"x", "a"}));
  EXPECT_EQ(Complete(*choice, {"c", "b"}), (DeviceIds{"x", "b"})) << "c is not well";
}

TEST_F(DeviceBookTest, WhatIsBeingAllocatedIsNobodyElses) {
  book_.Reserve(kGpu, {"a", "b"});
  EXPECT_NE(Error("p1", 1), "");
  book_.Release(kGpu, {"a", "b"});
  EXPECT_EQ(Error("p1", 2), "");
}

TEST_F(DeviceBookTest, TheNodeHasAllOfAPluginUntilItHasBeenAwayForLongEnough) {
  auto amounts = book_.TakeAmounts(-1h);
  EXPECT_EQ(amounts[kGpu].capacity, 3);
  EXPECT_EQ(amounts[kGpu].allocatable, 2);
  book_.Stop(kGpu, 10s);
  EXPECT_EQ(book_.FirstStop(), 10s);
  amounts = book_.TakeAmounts(5s);
  EXPECT_EQ(amounts[kGpu].capacity, 3);
  EXPECT_EQ(amounts[kGpu].allocatable, 0);
  amounts = book_.TakeAmounts(11s);
  ASSERT_TRUE(amounts.contains(kGpu)) << "its zero is still to be told";
  EXPECT_EQ(amounts[kGpu].capacity, 0);
  EXPECT_TRUE(book_.TakeAmounts(11s).empty());
  EXPECT_EQ(book_.FirstStop(), std::nullopt);
}

TEST_F(DeviceBookTest, AListAsBeforeIsNoChange) {
  const DeviceMap devices = {{"a", {true, {1}}}};
  EXPECT_TRUE(book_.Set(kGpu, devices));
  EXPECT_FALSE(book_.Set(kGpu, devices));
  book_.Stop(kGpu, 1s);
  EXPECT_TRUE(book_.Set(kGpu, devices)) << "they are well again";
}

TEST_F(DeviceBookTest, ARestartedKubeletKnowsWhoHasWhat) {
  book_.Give("p1", "main", kGpu, {"a", "b"}, std::string("\x0a\x00\xff", 3));
  const std::string text = book_.Checkpoint();
  DeviceBook again;
  ASSERT_TRUE(again.Load(text, 7s));
  const Allocation* given = again.Find("p1", "main", kGpu);
  ASSERT_NE(given, nullptr);
  EXPECT_EQ(given->ids, (DeviceIds{"a", "b"}));
  EXPECT_EQ(given->by_numa.at(1), std::vector<std::string>{"b"});
  EXPECT_EQ(given->by_numa.at(-1), std::vector<std::string>{"a"});
  EXPECT_EQ(given->response, std::string("\x0a\x00\xff", 3));
  EXPECT_EQ(again.TakeAmounts(6s).at(kGpu).capacity, 0) << "until its plugin is back";
  EXPECT_EQ(again.InUse()[kGpu], 2);
  again.Retain({"p2"});
  EXPECT_TRUE(again.InUse().empty());
  EXPECT_EQ(text.find("\"c\""), std::string::npos) << "plugins may have very many";
  std::string broken = text;
  broken.replace(broken.find("main"), 4, "Main");
  EXPECT_FALSE(DeviceBook().Load(broken, 0ns));
}

}  // namespace
}  // namespace skiff::kubelet::devices
