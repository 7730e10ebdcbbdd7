// The wall clock of one process, as its vDSO tells it: the small library of the kernel's that each
// process has in its memory, whose clock_gettime, gettimeofday and time answer without a system
// call (vdso(7)). Pure, but for the code of x86-64 that it hands out.
//
// A clock is made wrong by a page beside the vDSO, to which the first instruction of each of the
// three functions jumps. What stands in the page asks the kernel, and adds the fault's shift to the
// wall clock until the fault's end, on the clock that never goes back: then it is over by itself,
// whoever is left to put the first instructions back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/wrong_clock.h"

namespace skiff::chaos {

inline constexpr size_t kJumpBytes = 5;
inline constexpr size_t kClockPageBytes = 4096;
inline constexpr size_t kVdsoBytesMax = 64 << 10;
inline constexpr std::array<const char*, 3> kClockFunctions = {
    "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time"};

struct Vdso {
  std::array<uint64_t, kClockFunctions.size()> functions;  // Offsets in the image.
  uint64_t system_call;  // Of an instruction that makes one.
};
// In an image that somebody else's process has. Invalid: it is none of x86-64 that has all of them.
Result<Vdso> ReadVdso(std::string_view image);

using FirstBytes = std::array<std::array<char, kJumpBytes>, kClockFunctions.size()>;

// What begins the page: what of it can be written again, and by what it is known.
struct ClockPageHead {
  std::array<char, 16> mark = kMark;
  int64_t begins = 0, ends = 0, offset = 0;  // Nanoseconds; the first two monotonic.
  int64_t drift_ppm = 0;
  FirstBytes originals = {};
  static constexpr std::array<char, 16> kMark = {'s', 'k', 'i', 'f', 'f', ' ', 'c', 'l',
                                                 'o', 'c', 'k', ' ', '1', 0,   0,   0};
};
ClockPageHead HeadOf(const ClockFault& fault, const FirstBytes& originals);
// nullopt: it is no such page.
std::optional<ClockPageHead> ReadHead(std::string_view page);

// The page, and where in it each of the functions begins. "": there is none for this machine.
struct ClockCode {
  std::string page;  // At most kClockPageBytes, a multiple of eight.
  std::array<uint64_t, kClockFunctions.size()> functions;
};
ClockCode MakeClockCode(const ClockPageHead& head);

// The instruction at that address that goes on at the other; nullopt: it is too far away.
std::optional<std::array<char, kJumpBytes>> JumpTo(uint64_t at, uint64_t to);
// Where the instruction at that address goes on; nullopt: it is no such jump.
std::optional<uint64_t> TargetOfJump(uint64_t at, std::string_view bytes);

}  // namespace skiff::chaos
