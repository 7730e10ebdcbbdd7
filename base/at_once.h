// Work that is done at once or not at all, as on a loop of connections, where nothing may wait.
//
//   AtOnce attempt;
//   Result<Answer> answer = Work();
//   if (attempt.failed()) ... the answer is void; the work is done again where one may wait ...
//
// Who would have to wait (for a disk, for another machine, for a mutex that is held across either)
// or would take long asks first, however deep below it is:
//
//   if (!MayWait()) return Fail(WouldWait());
//
// Outside of attempts one always may. In one it fails by having been asked, so that nobody in
// between need pass the news on; only who remembers what he is told must see to it that it counts.
//
// A worker waits for disks and mutexes, but leaves to others what may take half a minute: somebody
// else's program (NotForLong, MayWaitLong).
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/mutex.h"

namespace skiff {

// On the thread that makes it, while it is in scope. One within the other is not foreseen.
class AtOnce {
 public:
  AtOnce();
  ~AtOnce();
  AtOnce(const AtOnce&) = delete;
  AtOnce& operator=(const AtOnce&) = delete;
  bool failed() const { return failed_; }

 protected:
  enum class Patience : uint8_t { kNone, kSome };
  explicit AtOnce(Patience patience);

 private:
  friend bool MayWait();
  friend bool MayWaitLong();
  friend bool IsAtOnce();
  friend bool IsVoid();
  const Patience patience_;
  bool failed_ = false;
};

// An attempt that waits as anybody does, but for no program of somebody else's.
class NotForLong final : public AtOnce {
 public:
  NotForLong() : AtOnce(Patience::kSome) {}
};

// False in an attempt, unless that is NotForLong; it has failed by that.
bool MayWait();
// Whether to wait for somebody else's program: false in any attempt, which has failed by that.
bool MayWaitLong();
// Whether this is part of an attempt in which nobody waits.
bool IsAtOnce();
// Whether this is part of an attempt that has failed: what is found out in it is not to be kept.
bool IsVoid();
// Nobody gets to see it.
Error WouldWait();

// Holds a Mutex that others may hold while they wait. An attempt takes it only if it is free within
// a moment, and has failed else.
class SKIFF_TS(scoped_lockable) PatientLock {
 public:
  explicit PatientLock(Mutex& mutex) SKIFF_TS(acquire_capability(mutex));
  ~PatientLock() SKIFF_TS(release_capability()) {
    if (held_) mutex_.unlock();
  }
  PatientLock(const PatientLock&) = delete;
  PatientLock& operator=(const PatientLock&) = delete;
  // To be asked before anything is touched that the mutex guards.
  explicit operator bool() const { return held_; }
  // For who may wait.
  void lock() SKIFF_TS(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }
  void unlock() SKIFF_TS(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = false;
};

}  // namespace skiff
