#include "base/wrong_clock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <utility>

#include "base/lock_within.h"
#include "base/log.h"

namespace skiff {
namespace {

using Word = std::atomic<uint64_t>;
static_assert(sizeof(Word) == sizeof(uint64_t) && Word::is_always_lock_free);

uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits.
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// A node's name is a subdomain, of at most 253 characters.
constexpr size_t kNodeNameBytes = 256;
// The fault of one node. Words are read while they are written: a sum tells what is whole.
constexpr size_t kSlotWords = 6;  // node, offset, drift, begins, ends, sum
using Slot = std::array<uint64_t, kSlotWords>;

struct Page {
  uint64_t boot = 0;
  Word latest_end = 0;  // Monotonic; no fault of any node lasts longer.
  std::array<char, kNodeNameBytes> node = {};
  std::array<std::array<Word, kSlotWords>, kClockFaultsMax> slots = {};
};
constexpr size_t kSlotsAt = sizeof(Page) - sizeof(Page::slots);

uint64_t SumOf(const Slot& slot) {
  uint64_t sum = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i + 1 < kSlotWords; ++i) sum = (sum ^ slot[i]) * 0x100000001b3 + i;
  return sum;
}

Slot SlotOf(uint64_t node, const ClockFault& fault) {
  Slot slot = {node,
               static_cast<uint64_t>(fault.offset.count()),
               static_cast<uint64_t>(fault.drift_ppm),
               static_cast<uint64_t>(fault.begins.count()),
               static_cast<uint64_t>(fault.ends.count()),
               0};
  slot.back() = SumOf(slot);
  return slot;
}

ClockFault FaultOf(const Slot& slot) {
  return {.offset = Duration(static_cast<int64_t>(slot[1])),
          .drift_ppm = static_cast<int64_t>(slot[2]),
          .begins = Duration(static_cast<int64_t>(slot[3])),
          .ends = Duration(static_cast<int64_t>(slot[4]))};
}

bool IsOn(const Slot& slot, Duration now) {
  return slot.back() == SumOf(slot) && FaultOf(slot).ends > now;
}

// Of the machine's present start: monotonic clocks of two are not the same.
uint64_t BootNow() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return HashOf(id);
}

std::string Why(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

template <typename T>
bool WriteAt(int file, const T& value, size_t at) {
  return pwrite(file, &value, sizeof value, static_cast<off_t>(at)) ==
         static_cast<ssize_t>(sizeof value);
}

// Locks of that file others have for a moment only.
Result<> LockInTurn(const std::function<bool()>& try_lock) {
  const auto locked = LockWithin(kClockFileTurn, try_lock);
  if (locked) return {};
  const std::string file = std::string(kClockFaultsFile) + ": ";
  if (locked.error().reason != Reason::kConflict) {
    return Fail(Reason::kInternalError, file + locked.error().message);
  }
  return Fail(Reason::kConflict, file + "another process keeps it locked; end that one (lslocks "
                                        "says who), and try again");
}

// One process at a time writes. The other kind of lock tells who follows.
class WritersTurn {
 public:
  static Result<WritersTurn> Take(int file) {
    TRY(LockInTurn([file] { return SetLock(file, F_WRLCK); }));
    return WritersTurn(file);
  }
  WritersTurn(WritersTurn&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ~WritersTurn() {
    if (file_ >= 0) (void)SetLock(file_, F_UNLCK);
  }

 private:
  explicit WritersTurn(int file) : file_(file) {}
  static bool SetLock(int file, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
  }
  int file_;
};

// What is not of this start of the machine is made anew.
Result<> Prepare(int file, const std::string& node) {
  const WritersTurn turn = TRY(WritersTurn::Take(file));
  uint64_t boot = 0;
  struct stat is {};
  const auto failed = [] { return Fail(Reason::kInternalError, Why(kClockFaultsFile)); };
  if (fstat(file, &is) != 0) return failed();
  const bool is_whole = static_cast<size_t>(is.st_size) >= sizeof(Page);
  const bool is_read = pread(file, &boot, sizeof boot, 0) == sizeof boot;
  if (!is_whole || !is_read || boot != BootNow()) {
    // Never shorter than before: whoever has it in memory would be ended.
    const std::array<char, sizeof(Page)> zeros = {};
    if (!WriteAt(file, zeros, 0) || !WriteAt(file, BootNow(), 0)) return failed();
  }
  std::array<char, kNodeNameBytes> name = {};
  std::copy_n(node.begin(), std::min(node.size(), name.size() - 1), name.begin());
  if (!WriteAt(file, name, offsetof(Page, node))) return failed();
  return {};
}

std::array<Slot, kClockFaultsMax> SlotsOf(int file) {
  std::array<Slot, kClockFaultsMax> slots = {};
  if (pread(file, &slots, sizeof slots, kSlotsAt) != sizeof slots) return {};
  return slots;
}

bool WriteSlot(int file, size_t index, const Slot& slot) {
  return WriteAt(file, slot, kSlotsAt + index * sizeof slot);
}

// What is being written just now is read again.
std::optional<Slot> ReadWhole(const std::array<Word, kSlotWords>& words) {
  constexpr int kAttempts = 100;
  Slot slot = {};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    for (size_t i = 0; i < kSlotWords; ++i) slot[i] = words[i].load(std::memory_order_acquire);
    if (slot.back() == SumOf(slot)) return slot;
    if (slot == Slot{}) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Duration ClockFault::ShiftAt(Duration now) const {
  if (now < begins || now >= ends) return Duration(0);
  // An hour in nanoseconds, times the millionths, is more than 64 bits hold.
  __extension__ using Wide = __int128;
  constexpr Wide kMillion = 1'000'000;
  const Wide gained = Wide{(now - begins).count()} * drift_ppm / kMillion;
  return offset + Duration(static_cast<int64_t>(gained));
}

Result<std::unique_ptr<ClockFaults>> ClockFaults::Follow(const std::string& path,
                                                         const std::string& node) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Fail(Reason::kForbidden, Why(path));
  // Shared: nobody is in the way but who asks, for a moment, whether somebody follows.
  Result<> prepared = LockInTurn([file] { return flock(file, LOCK_SH | LOCK_NB) == 0; });
  if (prepared) prepared = Prepare(file, node);
  void* const page =
      prepared ? mmap(nullptr, sizeof(Page), PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  if (page != MAP_FAILED) {
    (void)mlock(page, sizeof(Page));  // A disk that fails later is no reason to end.
    return std::unique_ptr<ClockFaults>(new ClockFaults(file, page));
  }
  if (prepared) prepared = Fail(Reason::kInternalError, Why(path));
  close(file);
  return Fail(prepared.error());
}

std::unique_ptr<ClockFaults> FollowClockFaults(const std::string& directory,
                                               const std::string& node) {
  auto followed = ClockFaults::Follow(directory + "/" + kClockFaultsFile, node);
  if (followed) return std::move(*followed);
  Log("clock").Error("faults of clocks are not followed", {{"error", followed.error().message}});
  return nullptr;
}

ClockFaults::~ClockFaults() {
  munmap(const_cast<void*>(page_), sizeof(Page));
  close(file_);
}

Duration ClockFaults::ShiftOf(uint64_t node, Duration now) const {
  const auto& page = *static_cast<const Page*>(page_);
  if (now.count() >= static_cast<int64_t>(page.latest_end.load(std::memory_order_acquire))) {
    return Duration(0);
  }
  for (const auto& words : page.slots) {
    if (words[0].load(std::memory_order_acquire) != node) continue;
    const auto slot = ReadWhole(words);
    if (slot && slot->front() == node && IsOn(*slot, now)) return FaultOf(*slot).ShiftAt(now);
  }
  return Duration(0);
}

NodeClock::NodeClock(const Clock& machine, std::string_view node, const ClockFaults* faults)
    : machine_(machine), node_(HashOf(node)), faults_(faults) {}

TimePoint NodeClock::Now() const {
  const TimePoint now = machine_.Now();
  return faults_ == nullptr ? now : now + faults_->ShiftOf(node_, machine_.Monotonic());
}

Result<ClockFile> ClockFile::Open(int directory) {
  const int file = openat(directory, kClockFaultsFile, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    return Fail(errno == ENOENT ? Reason::kNotFound : Reason::kForbidden, Why(kClockFaultsFile));
  }
  ClockFile opened(file);
  struct stat is {};
  const bool is_ours = fstat(file, &is) == 0 && S_ISREG(is.st_mode) &&
                       static_cast<size_t>(is.st_size) >= sizeof(Page);
  if (is_ours) return opened;
  return Fail(Reason::kNotFound, std::string(kClockFaultsFile) + " is no file of ours");
}

ClockFile::ClockFile(ClockFile&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

ClockFile::~ClockFile() {
  if (file_ >= 0) close(file_);
}

bool ClockFile::is_followed() const {
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  flock(file_, LOCK_UN);
  return false;
}

std::string ClockFile::node() const {
  std::array<char, kNodeNameBytes> name = {};
  const bool is_read = pread(file_, &name, sizeof name, offsetof(Page, node)) == sizeof name;
  name.back() = 0;
  return is_read ? name.data() : "";
}

Result<> ClockFile::Set(std::string_view node, const ClockFault& fault, const Clock& clock) {
  const WritersTurn turn = TRY(WritersTurn::Take(file_));
  const Duration now = clock.Monotonic();  // Others may have taken their time.
  if (fault.ends <= now) {
    return Fail(Reason::kConflict,
                "the time for which the clock of " + std::string(node) +
                    " was to be wrong is over");
  }
  const uint64_t hash = HashOf(node);
  const auto slots = SlotsOf(file_);
  size_t free_at = slots.size();
  Duration latest = fault.ends;
  for (size_t i = slots.size(); i-- > 0;) {
    if (!IsOn(slots[i], now)) {
      free_at = i;
      continue;
    }
    if (slots[i].front() == hash) {
      return Fail(Reason::kConflict, "the clock of " + std::string(node) + " is wrong already");
    }
    latest = std::max(latest, FaultOf(slots[i]).ends);
  }
  if (free_at == slots.size()) {
    return Fail(Reason::kConflict,
                "the clocks of " + std::to_string(kClockFaultsMax) + " nodes are wrong already");
  }
  const bool is_written = WriteSlot(file_, free_at, SlotOf(hash, fault)) &&
                          WriteAt(file_, static_cast<uint64_t>(latest.count()),
                                  offsetof(Page, latest_end));
  if (is_written) return {};
  return Fail(Reason::kInternalError, Why(kClockFaultsFile));
}

Result<> ClockFile::Clear(std::string_view node, const ClockFault& fault) {
  const WritersTurn turn = TRY(WritersTurn::Take(file_));
  const auto slots = SlotsOf(file_);
  const Slot meant = SlotOf(HashOf(node), fault);
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] != meant || WriteSlot(file_, i, Slot{})) continue;
    return Fail(Reason::kInternalError, Why(kClockFaultsFile));
  }
  return {};
}

}  // namespace skiff
