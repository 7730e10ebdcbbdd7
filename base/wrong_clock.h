// Wall clocks that are wrong on purpose, for a while.
//
// A process that runs nodes follows a file, a page that it has in its memory: who writes a fault
// there shifts the wall clock of a node from then on, and to ask for the time stays as cheap as it
// was. Each fault has its end within it, on the clock that never goes back: it is over then,
// whatever became of whoever wrote it. What is left from before the machine's last start means
// nothing.
//
//   const auto faults = ClockFaults::Follow("/var/lib/skiff/clock-faults", "worker");
//   const NodeClock clock(machine_clock, "worker", faults->get());
//
//   ClockFile file = TRY(ClockFile::Open(directory_fd));
//   TRY(file.Set("worker", {.offset = 5min, .begins = now, .ends = now + 30s}, clock));
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

inline constexpr char kClockFaultsFile[] = "clock-faults";
inline constexpr int kClockFaultsMax = 64;  // At once in one file; more are refused.
// So long one waits for who else writes the file; then it fails with kConflict.
inline constexpr Duration kClockFileTurn = std::chrono::seconds(1);

struct ClockFault {
  Duration offset = Duration(0);
  int64_t drift_ppm = 0;  // So much faster: with 10'000 it gains a second in a hundred.
  Duration begins = Duration(0), ends = Duration(0);  // Monotonic.
  // By how much the wall clock is wrong then.
  Duration ShiftAt(Duration now) const;
  bool operator==(const ClockFault&) const = default;
};

// What is read by those whose clocks are meant. Thread-safe.
class ClockFaults {
 public:
  // Makes the file where it is not there. `node`: the one that this process is; "": several.
  static Result<std::unique_ptr<ClockFaults>> Follow(const std::string& path,
                                                     const std::string& node);
  ClockFaults(const ClockFaults&) = delete;
  ClockFaults& operator=(const ClockFaults&) = delete;
  ~ClockFaults();
  // Of the node whose name has that hash.
  Duration ShiftOf(uint64_t node, Duration now) const;

 private:
  ClockFaults(int file, const void* page) : file_(file), page_(page) {}
  const int file_;  // Locked: somebody follows it.
  const void* const page_;
};

// In that directory. Where it cannot be, clocks stay right: null, and the log says why.
std::unique_ptr<ClockFaults> FollowClockFaults(const std::string& directory,
                                               const std::string& node);

// The wall clock of a node's own programs.
class NodeClock final : public Clock {
 public:
  // `faults` null: as the machine's. Both outlive it.
  NodeClock(const Clock& machine, std::string_view node, const ClockFaults* faults);
  TimePoint Now() const override;
  Duration Monotonic() const override { return machine_.Monotonic(); }

 private:
  const Clock& machine_;
  const uint64_t node_;
  const ClockFaults* const faults_;
};

// What is written by those who make clocks wrong.
class ClockFile {
 public:
  // In an open directory. kNotFound: no program of ours ever followed one there.
  static Result<ClockFile> Open(int directory);
  ClockFile(ClockFile&& other) noexcept;
  ~ClockFile();
  bool is_followed() const;  // A process does, now.
  std::string node() const;  // "": of several.
  // kConflict: that node's clock is wrong already, or kClockFaultsMax others are; the fault is over
  // by the time it is this one's turn; or another process keeps its turn.
  Result<> Set(std::string_view node, const ClockFault& fault, const Clock& clock);
  // Can be repeated. Another fault than this one stays.
  Result<> Clear(std::string_view node, const ClockFault& fault);

 private:
  explicit ClockFile(int file) : file_(file) {}
  int file_;
};

}  // namespace skiff
