#include "base/at_once.h"

namespace skiff {
namespace {

// As long as a mutex is held by who only looks something up.
constexpr int kTriesMax = 100;

thread_local AtOnce* attempt_here = nullptr;

}  // namespace

AtOnce::AtOnce() : AtOnce(Patience::kNone) {}

AtOnce::AtOnce(Patience patience) : patience_(patience) {
  CHECK(attempt_here == nullptr);
  attempt_here = this;
}

AtOnce::~AtOnce() {
  attempt_here = nullptr;
}

bool MayWait() {
  if (!IsAtOnce()) return true;
  attempt_here->failed_ = true;
  return false;
}

bool MayWaitLong() {
  if (attempt_here == nullptr) return true;
  attempt_here->failed_ = true;
  return false;
}

bool IsAtOnce() {
  return attempt_here != nullptr && attempt_here->patience_ == AtOnce::Patience::kNone;
}

bool IsVoid() {
  return attempt_here != nullptr && attempt_here->failed_;
}

Error WouldWait() {
  return {Reason::kInternalError, "this would have to wait"};
}

PatientLock::PatientLock(Mutex& mutex) : mutex_(mutex) {
  if (!IsAtOnce()) {
    lock();
    return;
  }
  for (int i = 0; i < kTriesMax && !held_; ++i) held_ = mutex_.try_lock();
  if (!held_) (void)MayWait();
}

}  // namespace skiff
