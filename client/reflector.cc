#include "client/reflector.h"

#include <algorithm>

namespace skiff {
namespace {

constexpr int64_t kPageSize = 500;
// Client-go asks the server to end a watch after 5 to 10 minutes.
constexpr int kWatchSecondsMin = 300;
constexpr Duration kFirstBackOff = 800ms;
constexpr Duration kBackOffMax = 30s;
constexpr Duration kShortWatch = 1s;
// A server sends a bookmark a minute. One that hangs, behind a connection that lives, sends
// nothing.
constexpr Duration kSilenceMax = 150s;

}  // namespace

LoopWaker::~LoopWaker() {
  const MutexLock lock(target_->mutex);
  target_->loop = nullptr;
}

http::Waker LoopWaker::Function() const {
  return [target = target_] {
    const MutexLock lock(target->mutex);
    if (target->loop) target->loop->Wake();
  };
}

Reflector::Reflector(Dependencies dependencies, Resource resource, ListOptions scope,
                     ReflectorSink& sink)
    : dependencies_(dependencies),
      resource_(std::move(resource)),
      scope_(std::move(scope)),
      sink_(sink) {}

Reflector::~Reflector() = default;

Duration Reflector::Step() {
  const Duration wait = not_before_ - dependencies_.clock.Monotonic();
  if (wait > Duration(0)) return wait;
  if (resource_version_.empty()) {
    if (const auto listed = List(); !listed) return BackOff(listed.error());
  }
  if (!stream_) {
    if (const auto started = StartWatch(); !started) return BackOff(started.error());
  }
  const auto next = PullWatch();
  if (next) return *next;
  stream_.reset();
  return BackOff(next.error());
}

Result<> Reflector::List() {
  ListOptions options = scope_;
  options.limit = kPageSize;
  std::vector<RawJson> items;
  std::string resource_version;
  do {
    TextList page = TRY(dependencies_.client.ListText(resource_, options));
    std::move(page.items.begin(), page.items.end(), std::back_inserter(items));
    resource_version = page.resource_version;
    options.continue_ = page.continue_;
  } while (!options.continue_.empty());
  if (resource_version.empty()) {
    return Fail(Reason::kInternalError, "the list has no resource version");
  }
  resource_version_ = resource_version;
  synced_ = true;
  sink_.Replace(std::move(items), resource_version_);
  return {};
}

Result<> Reflector::StartWatch() {
  WatchOptions options;
  options.namespace_ = scope_.namespace_;
  options.label_selector = scope_.label_selector;
  options.field_selector = scope_.field_selector;
  options.metadata_only = scope_.metadata_only;
  options.takes_structs = takes_structs_;
  options.resource_version = resource_version_;
  options.timeout_s =
      kWatchSecondsMin + static_cast<int>(dependencies_.random.Below(kWatchSecondsMin));
  auto stream = TRY(dependencies_.client.Watch(resource_, options));
  waker_ = std::make_unique<LoopWaker>(*this);
  stream_ = std::move(stream);
  opened_at_ = heard_at_ = dependencies_.clock.Monotonic();
  heard_ = false;
  stream_->Attach(waker_->Function());
  return {};
}

Result<Duration> Reflector::PullWatch() {
  std::vector<WatchEvent> events;
  const auto pulled = stream_->Next(events);
  for (WatchEvent& event : events) {
    std::string version =
        event.handed ? event.resource_version : ResourceVersionOf(event.object.Text());
    if (version.empty()) continue;  // No object of the API.
    resource_version_ = std::move(version);
    failures_ = 0;
    sink_.Apply(std::move(event));
  }
  // A server that ends every watch at once must not be asked in a loop, for lists neither.
  const bool has_lasted = dependencies_.clock.Monotonic() - opened_at_ >= kShortWatch;
  if (has_lasted) failures_ = 0;
  if (!pulled) return Fail(pulled.error());
  if (*pulled == http::Pulled::kMore) return Duration(0);
  heard_ |= !events.empty();
  if (*pulled == http::Pulled::kEnd) {
    stream_.reset();
    if (heard_ || has_lasted) return Duration(0);
    return Fail(Reason::kServiceUnavailable, "very short watch");
  }
  const Duration now = dependencies_.clock.Monotonic();
  if (!events.empty()) heard_at_ = now;
  const Duration left = heard_at_ + kSilenceMax - now;
  if (left <= Duration(0)) {
    return Fail(Reason::kServiceUnavailable, "nothing heard from the server");
  }
  const int every_ms = stream_->PullEveryMs();
  return every_ms > 0 ? std::min(left, Duration(every_ms * 1ms)) : left;
}

Duration Reflector::BackOff(const Error& error) {
  if (error.reason == Reason::kExpired || error.reason == Reason::kGone || error.http_code == 410 ||
      error.reason == Reason::kInternalError) {
    resource_version_.clear();
  }
  // An expired watch is in order, and nothing to tell of (as in client-go): list again at once,
  // unless that fails too, or the watch from there on. So it is after an error of the server's,
  // which is told.
  const bool expired = resource_version_.empty() && failures_ == 0 && synced_;
  Duration delay = expired ? Duration(0) : kFirstBackOff * (1 << std::min(failures_, 6));
  delay = std::min(delay, kBackOffMax);
  // Jitter keeps many clients from coming back at the same moment.
  delay += Duration(
      static_cast<int64_t>(static_cast<double>(delay.count()) * dependencies_.random.Fraction()));
  ++failures_;
  not_before_ = dependencies_.clock.Monotonic() + delay;
  // One that is busy, or whose cache of the kind has yet to fill, is asked ten times before that is
  // told, as client-go does.
  constexpr int kBusyAnswers = 10;
  const bool is_busy = error.http_code == 429 && failures_ <= kBusyAnswers;
  if (!is_busy && (!expired || error.reason == Reason::kInternalError)) {
    log_.Info("list or watch ended",
              {{"resource", resource_.name}, {"error", error.message}, {"attempt", failures_}});
  }
  return delay;
}

}  // namespace skiff
