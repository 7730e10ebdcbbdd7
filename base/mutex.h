// Mutexes that clang's thread-safety analysis understands; g++ ignores the annotations.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

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
  friend class CondVar;
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
  friend class CondVar;
  Mutex& mutex_;
  bool held_ = true;
};

// Where threads wait for what a Mutex guards to change, as at a std::condition_variable:
// condition_variable_any takes a second mutex at each turn. The lock is held when a wait returns.
class CondVar {
 public:
  void notify_one() noexcept { changed_.notify_one(); }
  void notify_all() noexcept { changed_.notify_all(); }
  void wait(MutexLock& lock) {
    Native native(lock);
    changed_.wait(native.lock);
  }
  template <typename Predicate>
  void wait(MutexLock& lock, Predicate predicate) {
    while (!predicate()) wait(lock);
  }
  template <typename Rep, typename Period>
  std::cv_status wait_for(MutexLock& lock, const std::chrono::duration<Rep, Period>& length) {
    Native native(lock);
    return changed_.wait_for(native.lock, length);
  }
  // What `predicate` says at the end.
  template <typename Rep, typename Period, typename Predicate>
  bool wait_for(MutexLock& lock, const std::chrono::duration<Rep, Period>& length,
                Predicate predicate) {
    Native native(lock);
    return changed_.wait_for(native.lock, length, std::move(predicate));
  }
  template <typename Clock, typename Duration>
  std::cv_status wait_until(MutexLock& lock,
                            const std::chrono::time_point<Clock, Duration>& until) {
    Native native(lock);
    return changed_.wait_until(native.lock, until);
  }
  template <typename Clock, typename Duration, typename Predicate>
  bool wait_until(MutexLock& lock, const std::chrono::time_point<Clock, Duration>& until,
                  Predicate predicate) {
    Native native(lock);
    return changed_.wait_until(native.lock, until, std::move(predicate));
  }

 private:
  // The mutex of a lock that is held, as the library wants it.
  struct Native {
    explicit Native(MutexLock& held) : lock(held.mutex_.mutex_, std::adopt_lock) {}
    ~Native() { lock.release(); }
    std::unique_lock<std::mutex> lock;
  };

  std::condition_variable changed_;
};

}  // namespace skiff
