// What evaluations hold of memory: each judgement no more than kMadeBytesMax, and those of the
// whole process together no more than there is room for.
//
//   MadeBytes made;                                     // Of one judgement, on its thread.
//   const Outcome outcome = program->Eval(bindings, kCallCostMax, &made);
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "api/cel/limits.h"
#include "base/mutex.h"

namespace skiff::cel {

// Of all that one evaluation makes, and what those that share a MadeBytes with it keep; more: it
// ends as if its budget were spent.
inline constexpr size_t kMadeBytesMax = size_t{128} << 20;
// So much nobody asks for: nearly all judgements make less, and share nothing.
inline constexpr size_t kMadeBytesFree = size_t{1} << 20;
// What all judgements that make more hold together.
inline constexpr size_t kMadeRoomBytes = 2 * kMadeBytesMax;
// How long a judgement waits for it, in all, where somebody waits for the judgement: until then it
// keeps what it holds from others.
inline constexpr std::chrono::seconds kMadeRoomPatience(2);

// Memory that is taken piece by piece by holders of which nobody knows how much they will need,
// only that none needs more than `one_max`. A piece is given where the largest of them could still
// have all that it may need: so there is always one that waits for nothing, and at its end gives
// back enough for the next. Thread-safe.
class MadeRoom {
 public:
  // One that takes pieces, on one thread. Gives back what it holds before it goes.
  struct Holder {
    size_t held = 0;
    std::chrono::nanoseconds waited{0};
  };

  // `bytes_max` is `one_max` at least.
  MadeRoom(size_t bytes_max, size_t one_max, std::chrono::nanoseconds patience = kMadeRoomPatience)
      : others_max_(bytes_max - one_max), patience_(patience) {}
  static MadeRoom& OfProcess();

  // Waits for it; false: it cannot be had. That is so where whoever waits for this thread
  // (GiveUpScope) gives up, or would have to wait for more than the room's patience; where another
  // holder of this thread has some, which would wait for itself; or where some holder is away: it
  // may wait for this one.
  bool Take(Holder& holder, size_t bytes);
  void GiveBack(Holder& holder, size_t bytes);
  // A holder's thread waits for others, outside of the process.
  void Leave();
  void Return();

  // How many wait in Take.
  int waiting() const;
  size_t held() const;

 private:
  bool Fits(const Holder& holder, size_t bytes) const REQUIRES(mutex_);
  bool HasPatience(const Holder& holder) const;

  const size_t others_max_;  // Of all but the largest holder.
  const std::chrono::nanoseconds patience_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<const Holder*> holders_ GUARDED_BY(mutex_);  // Those that hold any.
  size_t held_ GUARDED_BY(mutex_) = 0;
  int away_ GUARDED_BY(mutex_) = 0;
  int waiting_ GUARDED_BY(mutex_) = 0;
};

// Of one judgement: all that its evaluations under way have made, and what the values of those that
// are over may be made of. Used by one thread.
class MadeBytes {
 public:
  explicit MadeBytes(MadeRoom& room = MadeRoom::OfProcess()) : room_(room) {}
  ~MadeBytes() {
    if (holder_.held > 0) room_.GiveBack(holder_, holder_.held);
  }
  MadeBytes(const MadeBytes&) = delete;
  MadeBytes& operator=(const MadeBytes&) = delete;

  size_t count() const { return count_; }
  // False: there is no room for it, and whoever makes it ends.
  bool Add(size_t bytes) {
    count_ += bytes;
    return count_ <= kMadeBytesFree + holder_.held || Grow();
  }
  void TakeBack(size_t bytes) { count_ -= bytes; }
  // What a call needs until it is over.
  bool AddScratch(size_t bytes) {
    scratch_ += bytes;
    if (!Add(bytes)) refused_ = true;
    return !refused_;
  }
  // It is over. False: it was refused some.
  bool EndCall() { return scratch_ == 0 || DropScratch(); }
  // Lets others have what is not used any more.
  void Settle() {
    if (holder_.held > 0) Shrink();
  }

 private:
  bool Grow();
  bool DropScratch();
  void Shrink();

  MadeRoom& room_;
  size_t count_ = 0;
  size_t scratch_ = 0;  // Of it.
  MadeRoom::Holder holder_;
  bool refused_ = false;
};

// Of the innermost evaluation of this thread. Null: none is under way.
inline constinit thread_local MadeBytes* made_of_thread = nullptr;

// Asked by functions before they make what may be large: it is counted until their call is over.
// False: the evaluation is over, and they give up at once with any answer, as after Look().
inline bool MakeScratch(size_t bytes) {
  return made_of_thread == nullptr || made_of_thread->AddScratch(bytes);
}

// For as long as this thread waits for another program in the midst of an evaluation: that one may
// ask for something whose rules are evaluated as well, and those would wait for what is held here.
class AwayScope {
 public:
  AwayScope();
  ~AwayScope();
  AwayScope(const AwayScope&) = delete;
  AwayScope& operator=(const AwayScope&) = delete;

 private:
  const bool is_away_;
};

}  // namespace skiff::cel
