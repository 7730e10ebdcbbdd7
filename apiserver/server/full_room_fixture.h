// For tests of what requests do whose expressions find no memory.
#pragma once

#include <gtest/gtest.h>

#include <thread>

#include "api/cel/made_bytes.h"

namespace skiff {

// While it lives, others hold all memory that the evaluations of the process share, and one of them
// is away: what needs some of it is told at once that there is none.
class FullRoom {
 public:
  FullRoom() {
    for (cel::MadeRoom::Holder& each : others_) {
      std::thread([&] { EXPECT_TRUE(room_.Take(each, cel::kMadeBytesMax)); }).join();
    }
    room_.Leave();
  }
  ~FullRoom() {
    room_.Return();
    for (cel::MadeRoom::Holder& each : others_) {
      std::thread([&] { room_.GiveBack(each, cel::kMadeBytesMax); }).join();
    }
  }
  FullRoom(const FullRoom&) = delete;
  FullRoom& operator=(const FullRoom&) = delete;

 private:
  cel::MadeRoom& room_ = cel::MadeRoom::OfProcess();
  cel::MadeRoom::Holder others_[2];
};

}  // namespace skiff
