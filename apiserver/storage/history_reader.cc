#include "apiserver/storage/history_reader.h"

#include <algorithm>
#include <tuple>

#include "apiserver/storage/record_cache.h"
#include "apiserver/storage/store_answers.h"

namespace skiff {
namespace {

// What of the segment a cursor takes, and how far it has come then.
Revision TakeEvents(const HistoryReader::Segment& segment, const EventHistory::Wanted& wanted,
                    Revision after, std::vector<EventPtr>& out) {
  const Revision through = wanted.through;
  const size_t full = out.size() + wanted.events_max;
  const auto revision = [](const EventPtr& event) { return event->revision; };
  Revision read = after;
  const auto& events = segment.events;
  for (auto at = std::ranges::upper_bound(events, after, {}, revision); at != events.end(); ++at) {
    if ((*at)->revision > through) return through;
    // A revision is returned whole.
    if ((*at)->revision > read && out.size() >= full) return read;
    read = (*at)->revision;
    if ((*at)->record->key.starts_with(wanted.prefix)) out.push_back(*at);
  }
  return std::min(segment.through, through);
}

}  // namespace

Result<Revision> HistoryReader::ReadEvents(const EventHistory::Wanted& wanted, Revision after,
                                           std::vector<EventPtr>& out) {
  SegmentPtr segment;
  bool to_fetch = false;
  {
    MutexLock lock(mutex_);
    segment = Find(after, wanted.previous);
    if (!segment && aside_) {
      if (after < expired_) return Fail(WatchExpired());
      wanted_[after] |= wanted.previous;
      to_fetch = true;
    } else if (aside_ && segment->through < wanted.through &&
               !Find(segment->through, wanted.previous)) {
      ahead_ = {segment->through, wanted.previous};
      to_fetch = true;
    }
  }
  if (to_fetch) Wake();
  if (!segment && aside_) return after;
  if (!segment) {
    segment = TRY(fetch_(after, wanted.previous));
    Dropped dropped;
    MutexLock lock(mutex_);
    Keep(segment, dropped);
  }
  return TakeEvents(*segment, wanted, after, out);
}

Duration HistoryReader::Step() {
  Revision after;
  bool previous = false;
  Dropped dropped;
  {
    MutexLock lock(mutex_);
    if (ahead_ && Find(ahead_->first, ahead_->second)) ahead_.reset();
    if (wanted_.empty() && !ahead_) return DropUnused(dropped);
    if (wanted_.empty()) {
      std::tie(after, previous) = *ahead_;
    } else {
      std::tie(after, previous) = *wanted_.begin();
    }
    ahead_.reset();
  }
  Result<SegmentPtr> segment = fetch_(after, previous);
  if (!segment && segment.error().reason != Reason::kExpired) {
    // Who wants it goes on waiting.
    if (!std::exchange(failing_, true)) {
      log_.Info("history not read",
                {{"revision", after.value}, {"error", segment.error().message}});
    }
    return kRetryPeriod;
  }
  failing_ = false;
  Duration next = kKeptFor;
  {
    MutexLock lock(mutex_);
    if (segment) {
      const Segment& got = **segment;
      std::erase_if(wanted_, [&](const auto& each) {
        return got.after <= each.first && each.first < got.through &&
               (got.previous || !each.second);
      });
      Keep(*std::move(segment), dropped);
    } else {
      expired_ = std::max(expired_, Revision{after.value + 1});
      wanted_.erase(after);
    }
    if (!wanted_.empty() || ahead_) next = Duration::zero();
  }
  ready_();
  return next;
}

HistoryReader::SegmentPtr HistoryReader::Find(Revision after, bool previous) {
  for (auto kept = segments_.begin(); kept != segments_.end(); ++kept) {
    const Segment& segment = *kept->segment;
    const bool is_enough = segment.previous || !previous;
    if (!is_enough || after < segment.after || after >= segment.through) continue;
    kept->used = clock_.Monotonic();
    std::rotate(kept, kept + 1, segments_.end());
    return segments_.back().segment;
  }
  return nullptr;
}

void HistoryReader::Keep(SegmentPtr segment, Dropped& dropped) {
  const Segment& got = *segment;
  CHECK(got.after < got.through);
  // The end of what has happened is read again as there is more of it.
  std::erase_if(segments_, [&](const Kept& kept) {
    const Segment& old = *kept.segment;
    const bool is_in_it = got.after <= old.after && old.through <= got.through;
    if (!is_in_it || (old.previous && !got.previous)) return false;
    bytes_ -= kept.bytes;
    dropped.push_back(kept.segment);
    return true;
  });
  size_t bytes = 0;
  for (const EventPtr& event : got.events) {
    bytes += RecordBytes(*event->record);
    if (event->previous) bytes += RecordBytes(*event->previous);
  }
  bytes_ += bytes;
  segments_.push_back({std::move(segment), bytes, clock_.Monotonic()});
  const size_t kept_max = aside_ ? kKeptMax : kKeptMaxNotAside;
  while (segments_.size() > kept_max || (bytes_ > kKeptBytesMax && segments_.size() > 1)) {
    // Not the oldest: who comes next begins there, and would find none of a history that is larger
    // than what is kept. What nobody begins with any more goes by its age.
    const size_t count = segments_.size();
    const size_t victim = count > kNewestMax + 1 ? count - 1 - kNewestMax : 0;
    Drop(segments_.begin() + static_cast<ptrdiff_t>(victim), dropped);
  }
}

void HistoryReader::Drop(std::deque<Kept>::iterator kept, Dropped& dropped) {
  bytes_ -= kept->bytes;
  dropped.push_back(std::move(kept->segment));
  segments_.erase(kept);
}

Duration HistoryReader::DropUnused(Dropped& dropped) {
  const Duration now = clock_.Monotonic();
  while (!segments_.empty() && segments_.front().used + kKeptFor <= now) {
    Drop(segments_.begin(), dropped);
  }
  return segments_.empty() ? kNever : segments_.front().used + kKeptFor - now;
}

}  // namespace skiff
