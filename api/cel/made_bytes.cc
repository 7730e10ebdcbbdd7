#include "api/cel/made_bytes.h"

#include <algorithm>
#include <chrono>

#include "base/at_once.h"

namespace skiff::cel {
namespace {

// Nobody asks for less.
constexpr size_t kPieceBytes = size_t{1} << 20;
// How often one that waits asks whether it is to give up.
constexpr std::chrono::milliseconds kAskEvery(20);

// What all holders of this thread hold.
constinit thread_local size_t held_of_thread = 0;

}  // namespace

MadeRoom& MadeRoom::OfProcess() {
  static MadeRoom room(kMadeRoomBytes, kMadeBytesMax);
  return room;
}

bool MadeRoom::Fits(const Holder& holder, size_t bytes) const {
  size_t largest = holder.held + bytes;
  for (const Holder* each : holders_) largest = std::max(largest, each->held);
  return held_ + bytes - largest <= others_max_;
}

// Who is waited for by nobody has nobody to tell that he may be asked again.
bool MadeRoom::HasPatience(const Holder& holder) const {
  return look_end_of_thread.give_up == nullptr || holder.waited < patience_;
}

bool MadeRoom::Take(Holder& holder, size_t bytes) {
  const bool is_within_another = held_of_thread > holder.held;
  MutexLock lock(mutex_);
  // It may be over whether there is room or not.
  if (!Fits(holder, bytes) && AskedToGiveUp()) return false;
  while (!Fits(holder, bytes)) {
    if (is_within_another || away_ > 0 || !HasPatience(holder)) {
      Crowded();
      return false;
    }
    if (!MayWait()) return false;
    WaitedForMemory();
    const auto since = std::chrono::steady_clock::now();
    ++waiting_;
    changed_.wait_for(lock, kAskEvery);
    --waiting_;
    holder.waited += std::chrono::steady_clock::now() - since;
    if (AskedToGiveUp()) return false;
  }
  if (holder.held == 0) holders_.push_back(&holder);
  holder.held += bytes;
  held_ += bytes;
  held_of_thread += bytes;
  return true;
}

void MadeRoom::GiveBack(Holder& holder, size_t bytes) {
  {
    const MutexLock lock(mutex_);
    holder.held -= bytes;
    held_ -= bytes;
    if (holder.held == 0) std::erase(holders_, &holder);
  }
  held_of_thread -= bytes;
  changed_.notify_all();
}

void MadeRoom::Leave() {
  {
    const MutexLock lock(mutex_);
    ++away_;
  }
  changed_.notify_all();
}

void MadeRoom::Return() {
  const MutexLock lock(mutex_);
  --away_;
}

int MadeRoom::waiting() const {
  const MutexLock lock(mutex_);
  return waiting_;
}

size_t MadeRoom::held() const {
  const MutexLock lock(mutex_);
  return held_;
}

bool MadeBytes::Grow() {
  if (count_ > kMadeBytesMax) return false;
  const size_t missing = count_ - kMadeBytesFree - holder_.held;
  return room_.Take(holder_, (missing + kPieceBytes - 1) / kPieceBytes * kPieceBytes);
}

bool MadeBytes::DropScratch() {
  count_ -= scratch_;
  scratch_ = 0;
  const bool was_refused = refused_;
  refused_ = false;
  return !was_refused;
}

void MadeBytes::Shrink() {
  const size_t needed = count_ > kMadeBytesFree ? count_ - kMadeBytesFree : 0;
  const size_t kept = (needed + kPieceBytes - 1) / kPieceBytes * kPieceBytes;
  if (kept < holder_.held) room_.GiveBack(holder_, holder_.held - kept);
}

AwayScope::AwayScope() : is_away_(held_of_thread > 0) {
  if (is_away_) MadeRoom::OfProcess().Leave();
}

AwayScope::~AwayScope() {
  if (is_away_) MadeRoom::OfProcess().Return();
}

}  // namespace skiff::cel
