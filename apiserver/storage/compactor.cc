#include "apiserver/storage/compactor.h"

#include <algorithm>
#include <iterator>

namespace skiff {

Duration Compactor::Step() {
  if (options_.period == Duration::zero()) return kNever;
  const Duration now = clock_.Monotonic();
  if (now < next_) return next_ - now;
  next_ = now + options_.period;
  const Revision current = store_.Current();
  const Revision target = Target(now, current);
  ExpirePages(now);
  samples_.push_back({now, current});
  if (target > store_.Compacted()) {
    if (Result<> compacted = store_.Compact(target); !compacted) {
      log_.Error("compaction failed",
                 {{"revision", target.value}, {"error", compacted.error().message}});
    } else {
      log_.Debug("compacted", {{"revision", target.value}, {"current", current.value}});
    }
  }
  return options_.period;
}

Revision Compactor::Target(Duration now, Revision current) {
  while (samples_.size() > 1 && samples_[1].at + options_.window <= now) samples_.pop_front();
  const bool old_enough = !samples_.empty() && samples_[0].at + options_.window <= now;
  const Revision by_time = old_enough ? samples_[0].revision : Revision{};
  if (current.value <= options_.revisions_max) return by_time;
  return std::max(by_time, Revision{current.value - options_.revisions_max});
}

void Compactor::ExpirePages(Duration now) {
  const auto young = std::find_if(samples_.begin(), samples_.end(), [&](const Sample& sample) {
    return sample.at + options_.period > now;
  });
  if (young != samples_.begin()) store_.ExpirePages(std::prev(young)->revision);
}

}  // namespace skiff
