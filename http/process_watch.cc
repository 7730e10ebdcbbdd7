#include "http/process_watch.h"

// glibc 2.36 does not say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/mutex.h"
#include "http/event_loop.h"

namespace skiff::http {

class ProcessWatch::Listener final : public LoopListener {
 public:
  Listener(Loop& loop, int descriptor, std::function<void()> ended)
      : loop_(loop), descriptor_(descriptor), ended_(std::move(ended)) {}
  ~Listener() { close(descriptor_); }
  int descriptor() const { return descriptor_; }

  void OnReady(uint32_t) override {
    // It stays readable for ever.
    loop_.Forget(descriptor_, *this);
    // Held while the callback runs, so that the watch's end waits for it.
    MutexLock lock(mutex_);
    if (const auto ended = std::exchange(ended_, nullptr)) ended();
  }
  void Silence() {
    MutexLock lock(mutex_);
    ended_ = nullptr;
  }

 private:
  Loop& loop_;
  const int descriptor_;
  Mutex mutex_;
  std::function<void()> ended_ GUARDED_BY(mutex_);
};

Result<std::unique_ptr<ProcessWatch>> ProcessWatch::Open(Loops& loops, const ProcessId& process,
                                                         std::function<void()> ended) {
  const int descriptor = pidfd_open(process.pid, 0);
  if (descriptor < 0) {
    const Reason reason = errno == ESRCH ? Reason::kNotFound : Reason::kTooManyRequests;
    return Fail(reason, std::string("pidfd_open: ") + std::strerror(errno));
  }
  Loop& loop = loops.Next();
  auto listener = std::make_shared<Listener>(loop, descriptor, std::move(ended));
  // Asked after the descriptor was taken: if it is the one that is meant, so is the descriptor.
  if (!IsAlive(process)) return Fail(Reason::kNotFound, "the process has ended");
  return std::unique_ptr<ProcessWatch>(new ProcessWatch(loop, std::move(listener)));
}

ProcessWatch::ProcessWatch(Loop& loop, std::shared_ptr<Listener> listener)
    : loop_(loop), listener_(std::move(listener)) {
  loop_.Post([&loop = loop_, listener = listener_] {
    loop.Keep(listener);
    loop.Watch(listener->descriptor(), EPOLLIN, *listener);
  });
}

ProcessWatch::~ProcessWatch() {
  listener_->Silence();
  loop_.Post([&loop = loop_, listener = listener_] {
    loop.Forget(listener->descriptor(), *listener);
    loop.Release(listener.get());
  });
}

}  // namespace skiff::http
