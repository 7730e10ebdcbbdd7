// Keeps a copy of a collection up to date: lists it, then watches from the list's revision.
//
//            list ok                 server closes the watch: watch again from the last revision
//   kList ───────────► kWatch ◄────┐
//     ▲                  │  └──────┘
//     └──────────────────┘ Expired, Gone, unreadable: list again
//
// Failures are retried after 800 ms, doubled up to 30 s, with jitter, as client-go's.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "base/log.h"
#include "client/client.h"

namespace skiff {

// Receives the collection. Called by one Step at a time.
class ReflectorSink {
 public:
  virtual ~ReflectorSink() = default;
  // All there is, at `resource_version`; what is not among `items` is gone.
  virtual void Replace(std::vector<RawJson> items, const std::string& resource_version) = 0;
  virtual void Apply(WatchEvent event) = 0;
};

// Calls Wake of a loop that may be gone by then: what a stream keeps as its waker.
class LoopWaker {
 public:
  explicit LoopWaker(ControlLoop& loop) : target_(std::make_shared<Target>()) {
    target_->loop = &loop;
  }
  // After this the wakers do nothing.
  ~LoopWaker();
  http::Waker Function() const;

 private:
  struct Target {
    Mutex mutex;
    ControlLoop* loop GUARDED_BY(mutex) = nullptr;
  };
  std::shared_ptr<Target> target_;
};

class Reflector final : public ControlLoop {
 public:
  struct Dependencies {
    Client& client;
    const Clock& clock;
    Random& random;
  };
  // `scope`: namespace and selectors. `metadata_only` asks for PartialObjectMetadata.
  Reflector(Dependencies dependencies, Resource resource, ListOptions scope, ReflectorSink& sink);
  ~Reflector() override;
  Duration Step() override;
  // Before the first step: whole objects, not their metadata alone.
  void FetchWhole() { scope_.metadata_only = false; }
  // The same: whether the sink takes events whose object is handed (WatchEvent::handed).
  void TakeStructs(bool takes) { takes_structs_ = takes; }
  // The first list has arrived. Any thread.
  bool synced() const { return synced_; }

 private:
  Result<> List();
  Result<> StartWatch();
  // How long until the next step, or an error that ended the watch.
  Result<Duration> PullWatch();
  Duration BackOff(const Error& error);

  const Dependencies dependencies_;
  const Resource resource_;
  ListOptions scope_;
  bool takes_structs_ = false;
  ReflectorSink& sink_;
  const Log log_{"reflector"};
  std::string resource_version_;       // "": list.
  Duration not_before_ = Duration(0);  // Monotonic: the end of the back-off.
  int failures_ = 0;
  std::atomic<bool> synced_ = false;
  Duration opened_at_ = Duration(0);  // Monotonic: when `stream_` began.
  Duration heard_at_ = Duration(0);   // Monotonic: when something last came on `stream_`.
  bool heard_ = false;                // An event came on `stream_`.
  std::unique_ptr<LoopWaker> waker_;  // Of `stream_`.
  std::unique_ptr<WatchStream> stream_;
};

}  // namespace skiff
