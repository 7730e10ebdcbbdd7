#include "apiserver/aggregation/forward_load.h"

#include <gtest/gtest.h>

#include <vector>

namespace skiff {
namespace {

class ForwardLoadTest : public testing::Test {
 protected:
  // How many places he gets until there are none for him; he keeps them.
  size_t TakeAll(const std::string& user, size_t bytes = 0) {
    size_t taken = 0;
    for (; auto place = load_->TakeWaiting(user, bytes); ++taken) places_.push_back(place);
    return taken;
  }
  const std::shared_ptr<ForwardLoad> load_ = std::make_shared<ForwardLoad>(
      ForwardLimits{.waiting_max = 8, .waiting_bytes_max = 80, .answering_max = 16});
  std::vector<ForwardLoad::Place> places_;
};

TEST_F(ForwardLoadTest, WhoWaitsLeavesPlacesToOthers) {
  EXPECT_EQ(TakeAll("mallory"), 4u);
  EXPECT_EQ(TakeAll("alice"), 2u);
  EXPECT_EQ(TakeAll("bob"), 1u);
  EXPECT_EQ(TakeAll("carol"), 1u);
  EXPECT_EQ(TakeAll("dave"), 0u) << "there are none left";
  places_.clear();
  EXPECT_EQ(TakeAll("mallory"), 4u);
}

TEST_F(ForwardLoadTest, SoDoesWhoSendsMuch) {
  EXPECT_EQ(TakeAll("mallory", 20), 2u);
  EXPECT_EQ(TakeAll("alice", 20), 1u);
  EXPECT_EQ(TakeAll("bob", 20), 1u);
  EXPECT_EQ(TakeAll("carol", 20), 0u);
  EXPECT_EQ(TakeAll("carol", 0), 2u);
  places_.clear();
  EXPECT_TRUE(load_->TakeWaiting("carol", 1000)) << "who is alone may bring what he likes";
}

TEST_F(ForwardLoadTest, AndWhoWatchesWithoutEnd) {
  const auto watch = [&](const std::string& user) {
    size_t begun = 0;
    for (; load_->TakeWaiting(user, 0); ++begun) places_.push_back(load_->TakeAnswering(user));
    return begun;
  };
  EXPECT_EQ(watch("mallory"), 8u);
  EXPECT_EQ(watch("alice"), 4u);
  EXPECT_EQ(watch("bob"), 2u);
  EXPECT_EQ(TakeAll("mallory"), 0u);
  EXPECT_TRUE(load_->TakeWaiting("carol", 0));
}

}  // namespace
}  // namespace skiff
