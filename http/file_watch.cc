#include "http/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/mutex.h"
#include "http/event_loop.h"

namespace skiff::http {
namespace {

constexpr uint32_t kWhole = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                            IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

class FileWatch::Listener final : public LoopListener {
 public:
  Listener(int descriptor, std::function<void()> changed)
      : descriptor_(descriptor), changed_(std::move(changed)) {}
  ~Listener() { close(descriptor_); }
  int descriptor() const { return descriptor_; }

  void OnReady(uint32_t) override {
    char events[4096];
    while (read(descriptor_, events, sizeof events) > 0) {
    }
    // Held while the callback runs, so that the watch's end waits for it.
    MutexLock lock(mutex_);
    if (changed_) changed_();
  }
  void Silence() {
    MutexLock lock(mutex_);
    changed_ = nullptr;
  }

 private:
  const int descriptor_;
  Mutex mutex_;
  std::function<void()> changed_ GUARDED_BY(mutex_);
};

Result<std::unique_ptr<FileWatch>> FileWatch::Open(Loops& loops, const std::string& path,
                                                   FileChanges changes,
                                                   std::function<void()> changed) {
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) {
    return Fail(Reason::kTooManyRequests, std::string("inotify: ") + std::strerror(errno));
  }
  const uint32_t mask = changes == FileChanges::kAll ? kWhole | IN_MODIFY : kWhole;
  auto listener = std::make_shared<Listener>(descriptor, std::move(changed));
  if (inotify_add_watch(descriptor, path.c_str(), mask) < 0) {
    const Reason reason = errno == ENOENT ? Reason::kNotFound : Reason::kForbidden;
    return Fail(reason, "watch " + path + ": " + std::strerror(errno));
  }
  return std::unique_ptr<FileWatch>(new FileWatch(loops.Next(), std::move(listener)));
}

FileWatch::FileWatch(Loop& loop, std::shared_ptr<Listener> listener)
    : loop_(loop), listener_(std::move(listener)) {
  loop_.Post([&loop = loop_, listener = listener_] {
    loop.Keep(listener);
    loop.Watch(listener->descriptor(), EPOLLIN, *listener);
  });
}

FileWatch::~FileWatch() {
  listener_->Silence();
  loop_.Post([&loop = loop_, listener = listener_] {
    loop.Forget(listener->descriptor(), *listener);
    loop.Release(listener.get());
  });
}

}  // namespace skiff::http
