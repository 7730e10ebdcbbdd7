// What the watches of a server have sent, kind by kind, under kube-apiserver's names.
//
//   WatchCounts counts(registry);
//   WatchCounts::OfKind* sent = counts.Find(kind);   // Once a watch.
//   if (sent != nullptr) sent->Add(frame.size());    // With each event.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>

#include "api/type.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class WatchCounts {
 public:
  // Of one version of a kind. There for as long as the WatchCounts that it came from.
  class OfKind {
   public:
    // An event of that many bytes. There are as many of these as there are watchers of a write:
    // nothing is looked up, and nobody waits.
    void Add(size_t bytes);

   private:
    friend class WatchCounts;
    // Up to each of kBounds, and above all of them.
    std::array<std::atomic<uint64_t>, 9> sizes_ = {};
    std::atomic<uint64_t> bytes_ = 0;
  };

  // Nobody asks `registry` for its text when this is gone.
  explicit WatchCounts(MetricRegistry& registry);
  // Null where so many kinds are known already that further ones are not told of.
  OfKind* Find(const KindInfo& kind);
  // So long it took from the request until all that there was at first was sent. `scope`: cluster,
  // namespace or resource.
  void StateSent(const KindInfo& kind, std::string_view scope, Duration took);

 private:
  static constexpr std::array<double, 8> kBounds = {1024,  2048,  4096,  8192,
                                                    16384, 32768, 65536, 131072};
  static constexpr size_t kKindsMax = 10'000;
  using Key = std::tuple<std::string, std::string, std::string>;  // Group, version, resource.

  std::vector<Sample> Events() const;
  std::vector<HistogramSample> Sizes() const;

  mutable Mutex mutex_;
  std::map<Key, std::unique_ptr<OfKind>> kinds_ GUARDED_BY(mutex_);
  HistogramFamily& state_seconds_;
};

}  // namespace skiff
