#include "apiserver/watch.h"

#include <fmt/format.h>

#include "apiserver/api_errors.h"
#include "apiserver/object_response.h"
#include "apiserver/reader.h"
#include "apiserver/storage/keys.h"
#include "apiserver/watch_frame.h"

namespace skiff {
namespace {

constexpr size_t kEventsPerStep = 64;
// A last bookmark goes out this long before the end, so that the client resumes from near it.
constexpr Duration kLastBookmarkBefore = 2s;

// Where the stream starts: a state to show first, and the revision after which events follow.
struct Start {
  std::vector<RecordPtr> state;
  Revision after;
  bool mark_end_of_state = false;
  std::optional<Error> error;
};

class WatchSource final : public http::StreamSource {
 public:
  WatchSource(const WatchParts& parts, const ApiRequest& request, ListQuery options, FrameForm form,
              Start start, Duration timeout)
      : parts_(parts),
        kind_(*request.kind),
        prefix_(StorePrefix(kind_.storage_key, request.info.namespace_name)),
        name_(request.info.legacy_watch ? request.info.name : ""),
        options_(std::move(options)),
        form_(std::move(form)),
        start_(std::move(start)),
        deadline_(parts.clock.Monotonic() + timeout),
        next_bookmark_(FirstBookmark()) {}

  void Attach(http::Waker waker) override {
    if (start_.error) return;
    auto cursor = parts_.store.Watch(prefix_, start_.after, std::move(waker));
    if (cursor) {
      cursor_ = std::move(*cursor);
    } else {
      start_.error = TooOld();
    }
  }

  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    size_t bytes = 0;
    if (start_.error) {
      Send(ErrorFrame(*start_.error, form_), out, bytes);
      return http::Pulled::kEnd;
    }
    if (!SendState(bytes_max, out, bytes)) return http::Pulled::kMore;
    const Duration now = parts_.clock.Monotonic();
    if (now >= deadline_) return http::Pulled::kEnd;
    std::vector<EventPtr> events;
    while (bytes < bytes_max) {
      events.clear();
      if (!cursor_->Next(kEventsPerStep, events)) {
        Send(ErrorFrame(TooOld(), form_), out, bytes);
        return http::Pulled::kEnd;
      }
      for (const EventPtr& event : events) Show(*event, out, bytes);
      if (events.size() < kEventsPerStep) {
        if (now >= next_bookmark_) SendBookmark(now, out, bytes);
        return http::Pulled::kIdle;
      }
    }
    return http::Pulled::kMore;
  }

  int PullEveryMs() const override {
    const Duration due = std::min(deadline_, next_bookmark_) - parts_.clock.Monotonic();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(due).count() + 1;
    return static_cast<int>(std::clamp<int64_t>(ms, 1, 60'000));
  }

 private:
  Duration FirstBookmark() const {
    if (!options_.allow_bookmarks) return kNever;
    const Duration now = parts_.clock.Monotonic();
    return std::min(now + kBookmarkPeriod, std::max(deadline_ - kLastBookmarkBefore, now));
  }

  // The form of the next frame; of a Table's columns, only the first tells.
  FrameForm FormNow() {
    if (form_.media.target != Target::kTable) return form_;
    FrameForm form = form_;
    form.now = parts_.clock.Now();
    form_.headers = false;
    return form;
  }

  Error TooOld() const {
    const uint64_t oldest = parts_.store.Compacted().value;
    return {Reason::kExpired,
            fmt::format("too old resource version: {} ({})", start_.after.value, oldest)};
  }

  static void Send(std::string frame, std::vector<http::SharedBytes>& out, size_t& bytes) {
    bytes += frame.size();
    out.push_back(std::make_shared<const std::string>(std::move(frame)));
  }

  bool IsSelected(const Record& record) const {
    if (!name_.empty()) {
      const auto parts = ParseStoreKey(kind_.storage_key, record.key);
      if (!parts || parts->name != name_) return false;
    }
    if (options_.SelectsAll()) return true;
    const auto view = ObjectView::Of(record);
    return view && Selects(options_, kind_, record.key, *view);
  }

  // False while more of the state is to be sent.
  bool SendState(size_t bytes_max, std::vector<http::SharedBytes>& out, size_t& bytes) {
    while (sent_ < start_.state.size()) {
      if (bytes >= bytes_max) return false;
      const Record& record = *start_.state[sent_++];
      if (IsSelected(record)) Send(AddedFrame(kind_, record, FormNow()), out, bytes);
    }
    if (!start_.state.empty()) std::vector<RecordPtr>().swap(start_.state);
    sent_ = 0;
    if (start_.mark_end_of_state) {
      start_.mark_end_of_state = false;
      bookmarked_ = start_.after;
      Send(BookmarkFrame(kind_, start_.after, true, FormNow()), out, bytes);
    }
    return true;
  }

  void Show(const Event& event, std::vector<http::SharedBytes>& out, size_t& bytes) {
    const bool deleted = event.kind == Event::Kind::kDelete;
    const bool now = !deleted && IsSelected(*event.record);
    const bool before = deleted ? IsSelected(*event.record)
                                : event.previous != nullptr && IsSelected(*event.previous);
    if (!now && !before) return;
    const Change change = !now ? Change::kDeleted : before ? Change::kModified : Change::kAdded;
    out.push_back(FrameOf(kind_, event, change, FormNow()));
    bytes += out.back()->size();
  }

  void SendBookmark(Duration now, std::vector<http::SharedBytes>& out, size_t& bytes) {
    next_bookmark_ = now + kBookmarkPeriod;
    if (const Duration last = deadline_ - kLastBookmarkBefore; now < last) {
      next_bookmark_ = std::min(next_bookmark_, last);
    } else {
      next_bookmark_ = kNever;
    }
    const Revision position = cursor_->position();
    if (position == bookmarked_) return;
    bookmarked_ = position;
    Send(BookmarkFrame(kind_, position, false, FormNow()), out, bytes);
  }

  const WatchParts parts_;
  const KindInfo& kind_;
  const std::string prefix_;
  const std::string name_;  // Not empty: that object alone.
  const ListQuery options_;
  FrameForm form_;
  Start start_;
  size_t sent_ = 0;  // Of the state.
  const Duration deadline_;
  Duration next_bookmark_;
  Revision bookmarked_;
  std::unique_ptr<WatchCursor> cursor_;
};

// The state at the newest revision, in order of key.
Result<> TakeState(Store& store, const ApiRequest& request, Start& start) {
  auto page = TRY(
      store.List({.prefix = StorePrefix(request.kind->storage_key, request.info.namespace_name)}));
  start.state = std::move(page.records);
  start.after = page.revision;
  return {};
}

Result<Start> StartOf(Store& store, const ApiRequest& request, const ListQuery& options) {
  Start start;
  const auto version = ParseResourceVersion(options.resource_version);
  if (!version) {
    return Fail(PlainError("resourceVersion: Invalid value: " + Quoted(options.resource_version) +
                           ": " + version.error().message));
  }
  const bool any_version = *version == 0;
  if (options.send_initial_events.value_or(any_version)) {
    if (const Result<> reached = ReachRevision(store, *version); !reached) {
      if (reached.error().reason != Reason::kTimeout) return Fail(reached.error());
      start.error = reached.error();
      return start;
    }
    TRY(TakeState(store, request, start));
    start.mark_end_of_state =
        options.allow_bookmarks && options.send_initial_events.value_or(false);
  } else {
    start.after = any_version ? store.Current() : Revision{*version};
  }
  return start;
}

}  // namespace

Result<http::Response> WatchObjects(const WatchParts& parts, const ApiRequest& request) {
  const MediaType media = TRY(Negotiate(request.http, {.yaml = false, .watch = true}));
  FrameForm form{.media = media};
  if (media.target == Target::kTable) form.include = TRY(IncludeOf(request));
  const ListQuery options = TRY(ParseListOptions(request.http, *request.kind, true));
  if (request.info.legacy_watch && !request.info.name.empty()) {
    const auto name = options.fields.Exact("metadata.name");
    if (name && *name != request.info.name) {
      return Fail(Reason::kBadRequest, "fieldSelector metadata.name doesn't match requested name");
    }
  }
  Start start = TRY(StartOf(parts.store, request, options));
  Duration timeout = std::chrono::seconds(options.timeout_seconds.value_or(0));
  if (timeout <= Duration::zero()) {
    timeout = kWatchTimeoutMin +
              std::chrono::duration_cast<Duration>(kWatchTimeoutMin * parts.random.Fraction());
  }
  http::Response response;
  response.content_type = std::string(ContentTypeOf(media.encoding));
  if (media.encoding == Encoding::kProtobuf) response.content_type += ";stream=watch";
  response.stream =
      std::make_unique<WatchSource>(parts, request, options, form, std::move(start), timeout);
  return response;
}

}  // namespace skiff
