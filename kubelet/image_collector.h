// Removes images that nobody uses when the disk they lie on fills up.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/recorder.h"
#include "kubelet/cri.h"
#include "kubelet/eviction.h"

namespace skiff::kubelet {

struct ImageCollectorSettings {
  int high_threshold_percent = 85;  // Images go when more is used ...
  int low_threshold_percent = 80;   // ... until no more than this is.
  Duration minimum_age = 120s;
  Duration maximum_age{};  // Images that were not in use for longer go anyway; 0: none does.
};

// What is known of an image on the node.
struct ImageRecord {
  std::string id;
  int64_t size_bytes = 0;
  bool pinned = false;
  bool in_use = false;
  Duration first_seen{};  // Monotonic.
  Duration last_used{};
};

// Which images to remove so that `bytes` come free, the least recently used first: none that is in
// use, pinned or younger than `minimum_age`. Pure.
std::vector<ImageRecord> ImagesToRemove(std::vector<ImageRecord> images, int64_t bytes,
                                        Duration now, Duration minimum_age);

// Those that were in use last, or came, more than `maximum_age` ago; none before somebody has
// looked for so long, since `began`. Pure.
std::vector<ImageRecord> OldImages(std::vector<ImageRecord> images, Duration now, Duration began,
                                   Duration maximum_age);

class ImageCollector final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 300s;

  struct Dependencies {
    ContainerRuntime& runtime;
    const Clock& clock;
    // About the node.
    std::function<void(const std::string& reason, const std::string& message)> warn;
    // Of the file system that images lie on.
    std::function<std::optional<Measurement>()> measure;
    // These are there, and were at that time. Empty: nobody wants to know.
    std::function<void(const std::set<std::string>& ids, TimePoint looked_at)> seen = {};
  };
  ImageCollector(ImageCollectorSettings settings, Dependencies dependencies)
      : settings_(settings),
        dependencies_(std::move(dependencies)),
        began_(dependencies_.clock.Monotonic()) {}
  Duration Step() override;
  // Removes unused images until that many bytes are free; returns how many are. Any thread.
  Result<int64_t> Free(int64_t bytes);

 private:
  Result<> Look() REQUIRES(mutex_);
  std::vector<ImageRecord> Images() const REQUIRES(mutex_);
  Result<> Collect();
  Result<> RemoveOld();
  Result<int64_t> Remove(const std::vector<ImageRecord>& chosen);

  const ImageCollectorSettings settings_;
  const Dependencies dependencies_;
  const Duration began_;  // Monotonic.
  const Log log_{"images"};
  bool has_failed_ = false;  // The last time; the loop's own.
  Mutex mutex_;
  std::map<std::string, ImageRecord> images_ GUARDED_BY(mutex_);  // By id.
};

}  // namespace skiff::kubelet
