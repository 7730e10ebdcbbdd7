#include "skiff/chaos/vdso_clock.h"

#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <random>

namespace skiff::chaos {
namespace {

#if defined(__x86_64__)

// The one of this process; what of it is behind its end is not read.
std::string OwnImage() {
  const auto* const image = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
  constexpr size_t kPage = 4096;
  return image == nullptr ? "" : std::string(image, kPage);
}

Duration Now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// The code as a process has it beside its vDSO.
class CodeInMemory {
 public:
  explicit CodeInMemory(const ClockFault& fault) : code_(MakeClockCode(HeadOf(fault, {}))) {
    page_ = mmap(nullptr, kClockPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                 0);
    std::memcpy(page_, code_.page.data(), code_.page.size());
    mprotect(page_, kClockPageBytes, PROT_READ | PROT_EXEC);
  }
  ~CodeInMemory() { munmap(page_, kClockPageBytes); }
  template <typename Function>
  Function* Get(size_t index) const {
    return reinterpret_cast<Function*>(static_cast<char*>(page_) + code_.functions[index]);
  }
  Duration Realtime(clockid_t clock = CLOCK_REALTIME) const {
    timespec now{};
    EXPECT_EQ(Get<int(clockid_t, timespec*)>(0)(clock, &now), 0);
    EXPECT_GE(now.tv_nsec, 0);
    EXPECT_LT(now.tv_nsec, 1'000'000'000);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }

 private:
  ClockCode code_;
  void* page_ = nullptr;
};

// Nothing in between takes a minute; drifts of seconds are told by it.
constexpr Duration kNear = 60s;

TEST(VdsoClockTest, TheWallClockIsShiftedAndNoOther) {
  const Duration begins = Now(CLOCK_MONOTONIC);
  const CodeInMemory code({.offset = -2h, .begins = begins, .ends = begins + 1h});
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_REALTIME_COARSE}) {
    EXPECT_NEAR((code.Realtime(clock) - Now(clock)) / 1s, -7200, kNear / 1s);
  }
  for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI}) {
    EXPECT_NEAR((code.Realtime(clock) - Now(clock)) / 1s, 0, kNear / 1s);
  }
  timeval day{};
  EXPECT_EQ((code.Get<int(timeval*, void*)>(1)(&day, nullptr)), 0);
  EXPECT_NEAR(day.tv_sec - time(nullptr), -7200, kNear / 1s);
  EXPECT_LT(day.tv_usec, 1'000'000);
  time_t seconds = 0;
  EXPECT_EQ(code.Get<time_t(time_t*)>(2)(&seconds), seconds);
  EXPECT_NEAR(seconds - time(nullptr), -7200, kNear / 1s);
  EXPECT_NEAR(code.Get<time_t(time_t*)>(2)(nullptr) - time(nullptr), -7200, kNear / 1s);
}

TEST(VdsoClockTest, ItIsOverByItself) {
  const Duration now = Now(CLOCK_MONOTONIC);
  const CodeInMemory over({.offset = 2h, .begins = now - 1h, .ends = now});
  EXPECT_NEAR((over.Realtime() - Now(CLOCK_REALTIME)) / 1s, 0, kNear / 1s);
  EXPECT_NEAR(over.Get<time_t(time_t*)>(2)(nullptr) - time(nullptr), 0, kNear / 1s);
  timeval day{};
  EXPECT_EQ((over.Get<int(timeval*, void*)>(1)(&day, nullptr)), 0);
  EXPECT_NEAR(day.tv_sec - time(nullptr), 0, kNear / 1s);
  const CodeInMemory later({.offset = 2h, .begins = now + 1h, .ends = now + 2h});
  EXPECT_NEAR((later.Realtime() - Now(CLOCK_REALTIME)) / 1s, 0, kNear / 1s);
}

TEST(VdsoClockTest, ItGoesTooFastOrTooSlow) {
  const Duration begins = Now(CLOCK_MONOTONIC) - 1h;
  const CodeInMemory fast({.drift_ppm = 10'000'000, .begins = begins, .ends = begins + 2h});
  EXPECT_NEAR((fast.Realtime() - Now(CLOCK_REALTIME)) / 1s, 36'000, 10 * (kNear / 1s));
  const CodeInMemory still(
      {.offset = 1s, .drift_ppm = -1'000'000, .begins = begins, .ends = begins + 2h});
  EXPECT_NEAR((still.Realtime() - Now(CLOCK_REALTIME)) / 1s, -3599, kNear / 1s);
  const Duration stands = still.Realtime();
  EXPECT_NEAR((still.Realtime() - stands) / 1ms, 0, 1000);
}

TEST(VdsoClockTest, TimesBeforeTheFirstOfAllAreSplitAsOthers) {
  const Duration begins = Now(CLOCK_MONOTONIC);
  const Duration since_1970 = Now(CLOCK_REALTIME);
  const CodeInMemory code({.offset = -since_1970 - 90min, .begins = begins, .ends = begins + 1h});
  EXPECT_NEAR(code.Realtime() / 1s, -5400, kNear / 1s);
}

TEST(VdsoClockTest, WhatTheKernelRefusesIsRefused) {
  const Duration begins = Now(CLOCK_MONOTONIC);
  const CodeInMemory code({.offset = 2h, .begins = begins, .ends = begins + 1h});
  timespec now{};
  EXPECT_EQ((code.Get<int(clockid_t, timespec*)>(0)(9999, &now)), -EINVAL);
  EXPECT_EQ((code.Get<int(clockid_t, timespec*)>(0)(CLOCK_REALTIME, nullptr)), -EFAULT);
  EXPECT_EQ((code.Get<int(timeval*, void*)>(1)(nullptr, nullptr)), 0);
}

TEST(VdsoClockTest, TheImageOfThisProcessIsRead) {
  const std::string image = OwnImage();
  if (image.empty()) GTEST_SKIP() << "this kernel gives no vDSO";
  const auto vdso = ReadVdso(image);
  ASSERT_TRUE(vdso) << vdso.error().message;
  EXPECT_EQ(image.substr(vdso->system_call, 2), "\x0f\x05");
  // Its own clock_gettime, found by what we found of it.
  const auto* const at = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
  timespec now{};
  EXPECT_EQ((reinterpret_cast<int (*)(clockid_t, timespec*)>(
                const_cast<char*>(at + vdso->functions[0]))(CLOCK_REALTIME, &now)),
            0);
  EXPECT_NEAR(now.tv_sec - time(nullptr), 0, kNear / 1s);
}

TEST(VdsoClockTest, AnImageOfSomebodysOwnIsReadWithinItsBounds) {
  const std::string image = OwnImage();
  if (image.empty()) GTEST_SKIP() << "this kernel gives no vDSO";
  for (size_t size = 0; size < image.size(); size += size < 1024 ? 1 : 97) {
    const std::string cut = image.substr(0, size);
    const auto vdso = ReadVdso(cut);
    if (!vdso) continue;
    for (const uint64_t function : vdso->functions) EXPECT_LE(function + kJumpBytes, size);
    EXPECT_LE(vdso->system_call + 2, size);
  }
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = image;
    for (int i = 0; i < 4; ++i) {
      changed[random() % 1400] = static_cast<char>(random() % 256);
    }
    const auto vdso = ReadVdso(changed);
    if (!vdso) continue;
    for (const uint64_t function : vdso->functions) {
      EXPECT_LE(function + kJumpBytes, changed.size());
    }
    EXPECT_LE(vdso->system_call + 2, changed.size());
  }
  EXPECT_FALSE(ReadVdso(std::string(4096, '\0')));
}

#endif

TEST(VdsoClockTest, JumpsLeadWhereTheyAreSaidTo) {
  for (const auto& [at, to] : {std::pair<uint64_t, uint64_t>{0x7ffd00000af0, 0x7ffd00004080},
                               {0x7ffd00004080, 0x7ffd00000af0},
                               {0, 0x7fffffff}}) {
    const auto jump = JumpTo(at, to);
    ASSERT_TRUE(jump);
    EXPECT_EQ(TargetOfJump(at, {jump->data(), jump->size()}), to);
  }
  EXPECT_FALSE(JumpTo(0x7ffd00000000, 0x7f0000000000));
  EXPECT_FALSE(TargetOfJump(0, "\xe8zzzz"));
  EXPECT_FALSE(TargetOfJump(0, "\xe9zzz"));
}

TEST(VdsoClockTest, APageIsKnownByItsMark) {
  const ClockPageHead head = HeadOf({.offset = -5s, .drift_ppm = 3, .begins = 1s, .ends = 9s}, {});
  std::string page(reinterpret_cast<const char*>(&head), sizeof head);
  const auto read = ReadHead(page);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->offset, -5'000'000'000);
  EXPECT_EQ(read->ends, 9'000'000'000);
  EXPECT_FALSE(ReadHead(page.substr(1)));
  EXPECT_FALSE(ReadHead(""));
}

}  // namespace
}  // namespace skiff::chaos
