#include "base/wrong_clock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace skiff {
namespace {

class WrongClockTest : public testing::Test {
 protected:
  WrongClockTest() {
    std::filesystem::create_directories(directory_);
    descriptor_ = open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~WrongClockTest() override {
    close(descriptor_);
    std::filesystem::remove_all(directory_);
  }
  std::unique_ptr<ClockFaults> Follow(const std::string& node) {
    auto followed = ClockFaults::Follow(Path(), node);
    EXPECT_TRUE(followed);
    return std::move(*followed);
  }
  ClockFile Opened() {
    auto file = ClockFile::Open(descriptor_);
    EXPECT_TRUE(file);
    return std::move(*file);
  }
  std::string Path() const { return directory_ + "/" + kClockFaultsFile; }
  // From now on, for so long.
  ClockFault FaultFor(Duration length, Duration offset, int64_t drift_ppm = 0) const {
    return {offset, drift_ppm, machine_.Monotonic(), machine_.Monotonic() + length};
  }

  const std::string directory_ =
      testing::TempDir() + "wrong_clock_" + std::to_string(getpid());
  int descriptor_ = -1;
  FakeClock machine_;
};

TEST_F(WrongClockTest, AFaultShiftsTheClockOfItsNodeUntilItsEnd) {
  const auto faults = Follow("");
  const NodeClock near(machine_, "near", faults.get());
  const NodeClock far(machine_, "far", faults.get());
  EXPECT_EQ(near.Now(), machine_.Now());
  ASSERT_TRUE(Opened().Set("near", FaultFor(30s, 5min), machine_));
  EXPECT_EQ(near.Now(), machine_.Now() + 5min);
  EXPECT_EQ(far.Now(), machine_.Now());
  EXPECT_EQ(near.Monotonic(), machine_.Monotonic());
  machine_.Advance(29s);
  EXPECT_EQ(near.Now(), machine_.Now() + 5min);
  machine_.Advance(1s);
  EXPECT_EQ(near.Now(), machine_.Now()) << "though nobody took it away";
}

TEST_F(WrongClockTest, ADriftGrows) {
  const auto faults = Follow("near");
  const NodeClock clock(machine_, "near", faults.get());
  ASSERT_TRUE(Opened().Set("near", FaultFor(100s, -1s, 100'000), machine_));
  EXPECT_EQ(clock.Now(), machine_.Now() - 1s);
  machine_.Advance(50s);
  EXPECT_EQ(clock.Now(), machine_.Now() + 4s);
}

TEST_F(WrongClockTest, ADriftGrowsFromOneNanosecondToTheNext) {
  const ClockFault tenth{.drift_ppm = 100'000, .begins = 5s, .ends = 10s};
  EXPECT_EQ(tenth.ShiftAt(5s + 9ns), 0ns);
  EXPECT_EQ(tenth.ShiftAt(5s + 10ns), 1ns);
  EXPECT_EQ(tenth.ShiftAt(5s + 1'999'990ns), 199'999ns);
  // As long and as fast as a fault can be.
  const ClockFault most{.drift_ppm = 10'000'000, .begins = 0s, .ends = 1h + 1ns};
  EXPECT_EQ(most.ShiftAt(1h), 10h);
}

// Another process's turn to write, as a program that stands still in the middle of it has it.
class OthersTurn {
 public:
  explicit OthersTurn(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    EXPECT_EQ(fcntl(file_, F_OFD_SETLK, &lock), 0);
  }
  ~OthersTurn() { close(file_); }

 private:
  const int file_;
};

TEST_F(WrongClockTest, NobodyWaitsForEverForWhoKeepsTheFile) {
  const auto faults = Follow("near");
  ClockFile file = Opened();
  {
    const OthersTurn others(Path());
    const auto set = file.Set("near", FaultFor(1h, 7s), machine_);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().reason, Reason::kConflict);
    EXPECT_NE(set.error().message.find("another process keeps it locked"), std::string::npos)
        << set.error().message;
    const auto late = ClockFaults::Follow(Path(), "near");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().reason, Reason::kConflict);
  }
  EXPECT_TRUE(file.Set("near", FaultFor(1h, 7s), machine_));
}

TEST_F(WrongClockTest, NobodyWaitsForEverForWhoAskedWhetherSomebodyFollows) {
  Follow("near").reset();
  const int asks = open(Path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(asks, LOCK_EX | LOCK_NB), 0);
  const auto late = ClockFaults::Follow(Path(), "near");
  close(asks);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kConflict);
  EXPECT_TRUE(ClockFaults::Follow(Path(), "near"));
}

TEST_F(WrongClockTest, AFaultThatIsOverWhenItsTurnComesIsRefused) {
  const auto faults = Follow("near");
  ClockFile file = Opened();
  const ClockFault fault = FaultFor(30s, 7s);
  auto others = std::make_unique<OthersTurn>(Path());
  std::jthread time([&] {
    machine_.Advance(30s);
    others.reset();
  });
  const auto set = file.Set("near", fault, machine_);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().reason, Reason::kConflict);
  EXPECT_NE(set.error().message.find("near was to be wrong is over"), std::string::npos);
}

TEST_F(WrongClockTest, AFaultIsClearedByThoseWhoKnowIt) {
  const auto faults = Follow("near");
  const NodeClock clock(machine_, "near", faults.get());
  const ClockFault fault = FaultFor(1h, -30s);
  ClockFile file = Opened();
  ASSERT_TRUE(file.Set("near", fault, machine_));
  EXPECT_FALSE(file.Set("near", FaultFor(1h, 10s), machine_)) << "one at a time";
  ASSERT_TRUE(file.Clear("near", FaultFor(1h, 10s)));
  EXPECT_EQ(clock.Now(), machine_.Now() - 30s) << "it was another one's";
  ASSERT_TRUE(file.Clear("near", fault));
  EXPECT_EQ(clock.Now(), machine_.Now());
  EXPECT_TRUE(file.Clear("near", fault));
  EXPECT_TRUE(file.Set("near", FaultFor(1h, 10s), machine_));
}

TEST_F(WrongClockTest, ThereIsRoomForSoManyAtOnceAndAgainWhenTheyAreOver) {
  const auto faults = Follow("");
  ClockFile file = Opened();
  for (int i = 0; i < kClockFaultsMax; ++i) {
    ASSERT_TRUE(file.Set("node-" + std::to_string(i), FaultFor(30s, 1s), machine_));
  }
  EXPECT_FALSE(file.Set("more", FaultFor(30s, 1s), machine_));
  machine_.Advance(30s);
  EXPECT_TRUE(file.Set("more", FaultFor(30s, 1s), machine_));
  EXPECT_EQ(NodeClock(machine_, "more", faults.get()).Now(), machine_.Now() + 1s);
  EXPECT_EQ(NodeClock(machine_, "node-0", faults.get()).Now(), machine_.Now());
}

TEST_F(WrongClockTest, TellsWhetherSomebodyFollowsAndWho) {
  EXPECT_EQ(ClockFile::Open(descriptor_).error().reason, Reason::kNotFound);
  auto faults = Follow("near");
  EXPECT_TRUE(Opened().is_followed());
  EXPECT_EQ(Opened().node(), "near");
  faults.reset();
  EXPECT_FALSE(Opened().is_followed());
}

TEST_F(WrongClockTest, AProcessThatStartsAgainIsAsWrongAsBeforeAndNotAfterAStartOfTheMachine) {
  auto faults = Follow("near");
  ASSERT_TRUE(Opened().Set("near", FaultFor(1h, 7s), machine_));
  faults.reset();
  faults = Follow("near");
  EXPECT_EQ(NodeClock(machine_, "near", faults.get()).Now(), machine_.Now() + 7s);
  faults.reset();
  {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    file.write("12345678", 8);  // Of another start.
  }
  faults = Follow("near");
  EXPECT_EQ(NodeClock(machine_, "near", faults.get()).Now(), machine_.Now());
}

TEST_F(WrongClockTest, WhatIsReadWhileItIsWrittenIsWhole) {
  const SystemClock system;
  const auto faults = Follow("near");
  const Duration now = system.Monotonic();
  const ClockFault ahead{.offset = 1h, .begins = now, .ends = now + 1h};
  // By 1 s less than an hour: any mixture of the two is another time.
  const ClockFault behind{
      .offset = -1h, .drift_ppm = 1'000'000, .begins = now - 1s, .ends = now + 2h};
  std::jthread writer([&](const std::stop_token& stop) {
    ClockFile file = Opened();
    while (!stop.stop_requested()) {
      for (const ClockFault& fault : {ahead, behind}) {
        ASSERT_TRUE(file.Set("near", fault, system));
        ASSERT_TRUE(file.Clear("near", fault));
      }
    }
  });
  const NodeClock clock(machine_, "near", faults.get());
  machine_.Advance(now - machine_.Monotonic());
  for (int i = 0; i < 100'000; ++i) {
    const Duration shift = clock.Now() - machine_.Now();
    ASSERT_TRUE(shift == 0s || shift == Duration(1h) || shift == Duration(-1h + 1s))
        << shift.count();
  }
}

TEST_F(WrongClockTest, AFileThatIsLongerIsAsGood) {
  std::ofstream(Path()) << std::string(10'000, 'x');
  const auto faults = Follow("near");
  EXPECT_TRUE(Opened().Set("near", FaultFor(1h, 7s), machine_));
  EXPECT_EQ(NodeClock(machine_, "near", faults.get()).Now(), machine_.Now() + 7s);
}

TEST_F(WrongClockTest, WhatIsNoFileOfOursIsNotWritten) {
  std::ofstream(Path()) << "short";
  EXPECT_FALSE(ClockFile::Open(descriptor_));
  std::filesystem::remove(Path());
  std::filesystem::create_symlink("/dev/null", Path());
  EXPECT_FALSE(ClockFile::Open(descriptor_));
  EXPECT_FALSE(ClockFaults::Follow(Path(), "near"));
}

}  // namespace
}  // namespace skiff
