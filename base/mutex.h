// Mutexes that clang's thread-safety analysis understands; g++ ignores the annotations.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define SKIFF_TS(x) __attribute__((x))
#else
#define SKIFF_TS(x)
#endif
// Abseil, which gRPC brings along, has a macro of the same name and meaning.
#undef GUARDED_BY
#define GUARDED_BY(x) SKIFF_TS(guarded_by(x))
#define REQUIRES(...) SKIFF_TS(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SKIFF_TS(locks_excluded(__VA_ARGS__))

namespace skiff {

class SKIFF_TS(capability("mutex")) Mutex {
 public:
  void lock() SKIFF_TS(acquire_capability()) { mutex_.lock(); }
  void unlock() SKIFF_TS(release_capability()) { mutex_.unlock(); }
  bool try_lock() SKIFF_TS(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Holds a Mutex while in scope. Also a BasicLockable, for CondVar.
class SKIFF_TS(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SKIFF_TS(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() SKIFF_TS(release_capability()) {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
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
  bool held_ = true;
};

using CondVar = std::condition_variable_any;

}  // namespace skiff
