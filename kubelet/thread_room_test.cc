#include "kubelet/thread_room.h"

#include <gtest/gtest.h>

#include <vector>

namespace skiff::kubelet {
namespace {

TEST(ThreadRoomTest, APodThatHoldsNothingIsLetInWhateverOthersHold) {
  ThreadRoom room(ThreadRoom::Limits{.of_pod = 3, .of_all = 9});
  std::vector<std::shared_ptr<void>> places;
  const auto fill = [&](const std::string& pod) {
    while (auto place = room.Enter(pod)) places.push_back(std::move(place));
  };
  for (int i = 0; i < 3; ++i) fill("pod-" + std::to_string(i));
  EXPECT_EQ(places.size(), 9u);
  auto first = room.Enter("other");
  EXPECT_TRUE(first);
  EXPECT_FALSE(room.Enter("other")) << "more than one only where there is room";
  first.reset();
  EXPECT_TRUE(room.Enter("other"));
  places.clear();
  fill("pod-0");
  EXPECT_EQ(places.size(), 3u);
}

TEST(ThreadRoomTest, APlaceMayOutliveTheRoom) {
  auto room = std::make_unique<ThreadRoom>(ThreadRoom::Limits{.of_pod = 1, .of_all = 1});
  auto place = room->Enter("pod");
  room.reset();
  place.reset();
  EXPECT_FALSE(place);
}

}  // namespace
}  // namespace skiff::kubelet
