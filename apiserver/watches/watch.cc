#include "apiserver/watches/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <utility>

#include "api/registry.h"
#include "apiserver/objects/list_in_version.h"
#include "apiserver/objects/reader.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/initial_events.h"
#include "apiserver/request/object_response.h"
#include "apiserver/storage/name_term.h"
#include "apiserver/watches/converted_events.h"
#include "apiserver/watches/definition_watch.h"
#include "apiserver/watches/shared_frames.h"
#include "apiserver/watches/watch_frame.h"
#include "apiserver/watches/watch_selection.h"
#include "apiserver/watches/watch_socket.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "base/seconds.h"
#include "http/websocket.h"

namespace skiff {
namespace {

// What a Pull looks at, selected or not, before others have their turn.
constexpr size_t kEventsPerPull = 256;
constexpr size_t kEventBytesPerPull = 4 << 20;
// What is taken from the cursor at once: about as many bytes of records.
constexpr size_t kEventsPerStepMax = 64;
constexpr size_t kStepBytes = 256 << 10;
// A last bookmark goes out this long before the end, so that the client resumes from near it.
constexpr Duration kLastBookmarkBefore = 2s;

// Where jobs go that may wait for a webhook, under that name; empty where there is no such place.
EventConverter::Aside WaitsElsewhere(const WatchParts& parts, std::string name) {
  if (parts.outbound == nullptr) return {};
  return [pool = parts.outbound, name = std::move(name)](std::function<void()> job) {
    return pool->Submit({name}, std::move(job));
  };
}

// What of the kind is watched: one that is named (in the path or by a selector), a namespace, or
// all.
std::string_view ScopeOf(const RequestInfo& info) {
  if (!info.name.empty()) return "resource";
  return info.namespace_name.empty() ? "cluster" : "namespace";
}

// Where the stream starts: a state to show first, and the revision after which events follow.
struct Start {
  std::shared_ptr<WatchState> state;  // Null: none.
  Revision after;
  bool mark_end_of_state = false;
  std::optional<Error> error;
  // Tells until when the kind is what it is now. Null: always.
  std::unique_ptr<DefinitionWatch> definition;
  // Hears when the state is sent, and what had happened since. Null: nobody wants to.
  std::shared_ptr<InitialEvents> sent;
};

class WatchSource final : public http::StreamSource {
 public:
  WatchSource(const WatchParts& parts, std::string prefix,
              std::shared_ptr<const WatchSelection> selection, FrameForm form, Start start,
              bool allow_bookmarks, Duration timeout, const ApiRequest& request)
      : parts_(parts),
        prefix_(std::move(prefix)),
        selection_(std::move(selection)),
        kind_(selection_->kind),
        form_(std::move(form)),
        start_(std::move(start)),
        deadline_(timeout == kNever ? kNever : parts.clock.Monotonic() + timeout),
        next_bookmark_(allow_bookmarks ? FirstBookmark() : kNever),
        gives_handed_(request.http.takes_handed && form_.media.IsPlain() &&
                      form_.media.target == Target::kObject && !start_.state &&
                      kind_.type->ops != nullptr && IsSentAsKept(kind_)),
        scope_(ScopeOf(request.info)),
        begun_(parts.clock.Monotonic()),
        sent_(parts.counts == nullptr ? nullptr : parts.counts->Find(kind_)),
        maker_({parts.frames, request.user.name}, selection_->held),
        converter_(WatchedKind(selection_), WaitsElsewhere(parts, ConversionName(kind_))) {}

  ~WatchSource() override { HasBegun(); }

  void Attach(http::Waker waker) override {
    if (start_.error) return;
    waker_ = waker;
    if (start_.state) start_.state->OnMore(waker);
    if (start_.definition) start_.definition->Attach(waker);
    auto cursor = parts_.store.Watch(
        {.prefix = prefix_,
         .after = start_.after,
         .term = selection_->term,
         .previous = !selection_->GoesByKey()},
        std::move(waker));
    if (cursor) {
      cursor_ = std::move(*cursor);
    } else {
      start_.error = TooOld();
    }
  }

  bool GivesHanded() const override { return gives_handed_; }

  http::Pulled PullHanded(size_t bytes_max, http::HandedObjects& objects,
                          std::vector<http::SharedBytes>& out) override {
    objects_ = &objects;
    const http::Pulled pulled = Pull(bytes_max, out);
    objects_ = nullptr;
    return pulled;
  }

  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    const http::Pulled pulled = PullFrames(bytes_max, out);
    // No event has the form of a list: the stream ends where the first would be.
    if (form_.media.target != Target::kPartialMetadataList || out.empty()) return pulled;
    out.clear();
    return http::Pulled::kEnd;
  }

  int PullEveryMs() const override {
    // Bookmarks wait until what comes before them is out.
    const bool behind = start_.state || awaited_ || HasEvents() || !converting_.empty();
    const Duration next = behind ? deadline_ : std::min(deadline_, next_bookmark_);
    const Duration due = next - parts_.clock.Monotonic();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(due).count() + 1;
    return static_cast<int>(std::clamp<int64_t>(ms, 1, 60'000));
  }

 private:
  http::Pulled PullFrames(size_t bytes_max, std::vector<http::SharedBytes>& out) {
    size_t bytes = 0;
    if (start_.error) {
      Send(ErrorFrame(*start_.error, form_), out, bytes);
      return http::Pulled::kEnd;
    }
    const Duration now = parts_.clock.Monotonic();
    if (now >= deadline_) return http::Pulled::kEnd;
    maker_.BeginStep();
    if (!PutAwaited(out, bytes)) return http::Pulled::kIdle;
    if (failed_) return http::Pulled::kEnd;
    if (start_.definition && start_.definition->EndsBefore(start_.after)) {
      return http::Pulled::kEnd;
    }
    if (const auto pulled = SendState(bytes_max, out, bytes)) return *pulled;
    return SendEvents(now, bytes_max, out, bytes);
  }

  http::Pulled SendEvents(Duration now, size_t bytes_max, std::vector<http::SharedBytes>& out,
                          size_t& bytes) {
    size_t looked = 0, looked_bytes = 0;
    for (bool drained = false;;) {
      if (const auto pulled = TakeConverted(out, bytes)) return *pulled;
      for (; HasEvents(); ++looked) {
        if (bytes >= bytes_max || looked >= kEventsPerPull || looked_bytes >= kEventBytesPerPull) {
          return http::Pulled::kMore;
        }
        const EventPtr event = std::move(events_[shown_++]);
        if (HasEvents()) FetchSoon(*events_[shown_]->record);
        looked_bytes += event->record->value.size();
        if (!Show(event, out, bytes)) return http::Pulled::kIdle;
        if (failed_) return http::Pulled::kEnd;
      }
      if (!converting_.empty()) continue;
      events_ = std::vector<EventPtr>();
      shown_ = 0;
      if (drained) {
        HasBegun();
        if (start_.definition && start_.definition->IsOver(*cursor_)) return http::Pulled::kEnd;
        if (now >= next_bookmark_) SendBookmark(now, out, bytes);
        return http::Pulled::kIdle;
      }
      const auto taken = TakeEvents();
      if (!taken) {
        Send(ErrorFrame(TooOld(), form_), out, bytes);
        return http::Pulled::kEnd;
      }
      drained = *taken;
    }
  }

  Result<> NextEvents(size_t events_max, std::vector<EventPtr>& events) {
    if (!start_.definition) return cursor_->Next(events_max, events);
    return start_.definition->Next(*cursor_, events_max, events);
  }

  Revision Position() const {
    return start_.definition ? start_.definition->PositionOf(*cursor_) : cursor_->position();
  }

  bool HasEvents() const { return shown_ < events_.size(); }

  void HasBegun() {
    if (const auto sent = std::exchange(start_.sent, nullptr)) sent->Sent();
  }

  // The next events, few where they are large: they live as long as we hold them. Returns whether
  // there are no more to show before the cursor wakes us.
  Result<bool> TakeEvents() {
    std::vector<EventPtr> events;
    const size_t events_max = step_events_;
    TRY(NextEvents(events_max, events));
    size_t bytes = 1;
    for (const EventPtr& event : events) bytes += event->record->value.size();
    if (!events.empty()) {
      step_events_ = std::clamp<size_t>(kStepBytes * events.size() / bytes, 1, kEventsPerStepMax);
    }
    const bool drained = events.size() < events_max;
    if (IsConvertedByWebhook(kind_)) {
      for (EventInVersionPtr& each : converter_.Of(events)) converting_.push_back(std::move(each));
    } else {
      events_ = std::move(events);
      shown_ = 0;
    }
    return drained;
  }

  // Events as the watcher's version, as far as they are that. What to answer to Pull while there
  // is none to show; nullopt else.
  std::optional<http::Pulled> TakeConverted(std::vector<http::SharedBytes>& out, size_t& bytes) {
    while (!converting_.empty()) {
      const auto event = converting_.front()->EventOr(waker_);
      if (event && *event) {
        events_.push_back(**event);
        converting_.pop_front();
        continue;
      }
      // What comes before goes out first.
      if (HasEvents()) break;
      if (!event) return http::Pulled::kIdle;
      Send(ErrorFrame(event->error(), form_), out, bytes);
      return http::Pulled::kEnd;
    }
    return std::nullopt;
  }

  // False: it is being made, and goes out when the waker was called.
  bool Put(const FramePtr& frame, std::vector<http::SharedBytes>& out, size_t& bytes) {
    http::SharedBytes made = frame->BytesOr(waker_);
    if (made == nullptr) {
      awaited_ = frame;
      return false;
    }
    Push(std::move(made), out, bytes);
    failed_ = frame->is_last();
    return true;
  }

  bool PutAwaited(std::vector<http::SharedBytes>& out, size_t& bytes) {
    if (awaited_ == nullptr) return true;
    http::SharedBytes made = awaited_->bytes();
    if (made == nullptr) return false;
    failed_ = awaited_->is_last();
    awaited_ = nullptr;
    Push(std::move(made), out, bytes);
    return true;
  }

  Duration FirstBookmark() const {
    const Duration now = parts_.clock.Monotonic();
    const Duration last = deadline_ - kLastBookmarkBefore;
    // A watch that is over so soon gets none.
    return last <= now ? kNever : std::min(now + kBookmarkPeriod, last);
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

  void Send(std::string frame, std::vector<http::SharedBytes>& out, size_t& bytes) {
    Push(std::make_shared<const std::string>(std::move(frame)), out, bytes);
  }

  void Push(http::SharedBytes frame, std::vector<http::SharedBytes>& out, size_t& bytes) {
    if (sent_ != nullptr) sent_->Add(frame->size());
    bytes += frame->size();
    out.push_back(std::move(frame));
  }

  // What to answer to Pull while more of the state is to be sent; nullopt once all of it is.
  std::optional<http::Pulled> SendState(size_t bytes_max, std::vector<http::SharedBytes>& out,
                                        size_t& bytes) {
    while (start_.state) {
      if (bytes >= bytes_max) return http::Pulled::kMore;
      const auto record = start_.state->Take();
      if (!record) {
        const bool expired = record.error().reason == Reason::kExpired;
        Send(ErrorFrame(expired ? TooOld() : record.error(), form_), out, bytes);
        return http::Pulled::kEnd;
      }
      if (*record) {
        if (!Put(maker_.OfRecord(kind_, *record, FormNow()), out, bytes)) {
          return http::Pulled::kIdle;
        }
        if (failed_) return http::Pulled::kEnd;
      } else if (start_.state->is_done()) {
        start_.state = nullptr;
      } else {
        return http::Pulled::kIdle;
      }
    }
    if (start_.mark_end_of_state) {
      start_.mark_end_of_state = false;
      bookmarked_ = start_.after;
      Send(BookmarkFrame(kind_, start_.after, true, FormNow()), out, bytes);
      if (parts_.counts != nullptr) {
        parts_.counts->StateSent(kind_, scope_, parts_.clock.Monotonic() - begun_);
      }
    }
    return std::nullopt;
  }

  // False: its frame is being made.
  bool Show(const EventPtr& event, std::vector<http::SharedBytes>& out, size_t& bytes) {
    const bool deleted = event->kind == Event::Kind::kDelete;
    const bool now = !deleted && selection_->Takes(*event->record);
    // Not left out where versions differ.
    const Record& last = event->previous != nullptr ? *event->previous : *event->record;
    const bool before = event->existed && selection_->Takes(last);
    if (!now && !before) return true;
    const Change change = !now ? Change::kDeleted : before ? Change::kModified : Change::kAdded;
    if (objects_ != nullptr) {
      bytes += event->record->value.size();
      if (sent_ != nullptr) sent_->Add(event->record->value.size());
      // What cannot be read is no object as text either.
      auto handed = HandedEventOf(kind_, *event, change);
      if (handed) objects_->push_back(std::move(handed));
      return true;
    }
    return Put(maker_.OfEvent(kind_, event, change, FormNow()), out, bytes);
  }

  void SendBookmark(Duration now, std::vector<http::SharedBytes>& out, size_t& bytes) {
    next_bookmark_ = now + kBookmarkPeriod;
    if (const Duration last = deadline_ - kLastBookmarkBefore; now < last) {
      next_bookmark_ = std::min(next_bookmark_, last);
    } else {
      next_bookmark_ = kNever;
    }
    const Revision position = Position();
    if (position == bookmarked_) return;
    // Of a watch from the future nothing is known yet.
    if (position <= start_.after && position > parts_.store.Current()) return;
    bookmarked_ = position;
    Send(BookmarkFrame(kind_, position, false, FormNow()), out, bytes);
  }

  const WatchParts parts_;
  const std::string prefix_;
  const std::shared_ptr<const WatchSelection> selection_;
  const KindInfo& kind_;
  FrameForm form_;
  Start start_;
  const Duration deadline_;
  Duration next_bookmark_;
  Revision bookmarked_;
  std::unique_ptr<WatchCursor> cursor_;
  http::Waker waker_;
  const bool gives_handed_;
  http::HandedObjects* objects_ = nullptr;  // While these are pulled.
  const std::string_view scope_;            // As WatchCounts has it.
  const Duration begun_;
  WatchCounts::OfKind* const sent_;  // Null: nobody counts.
  FrameMaker maker_;
  FramePtr awaited_;            // Goes out before all else, once it is made.
  bool failed_ = false;         // An ERROR went out in the place of an object.
  EventConverter converter_;
  // Both hold no memory while they are empty, as they are but for moments: there are thousands of
  // watches.
  std::list<EventInVersionPtr> converting_;  // Taken from the cursor.
  std::vector<EventPtr> events_;             // The ones before; from shown_ on not yet shown.
  size_t shown_ = 0;
  size_t step_events_ = 8;  // How many to take next.
};

Result<Start> StartOf(const WatchParts& parts, const std::string& prefix,
                      const std::shared_ptr<const WatchSelection>& selection,
                      const ListQuery& options, const std::string& user) {
  Store& store = parts.store;
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
    ListRequest selected{.prefix = prefix};
    selected.any = options.resource_version == "0";
    if (!selection->TakesAll()) {
      selected.filter = [selection](const Record& record) { return selection->Takes(record); };
      selected.terms = TermsOf(options, selection->kind);
    }
    WatchJobs aside{parts.pages, user};
    if (IsConvertedByWebhook(selection->kind)) {
      aside.elsewhere = WaitsElsewhere(parts, PageConversionName(selection->kind));
    }
    start.state = std::make_shared<WatchState>(store, std::move(aside), std::move(selected),
                                               WatchedKind(selection));
    const auto begun = start.state->Begin();
    if (!begun) return Fail(UnreadyInVersion(selection->kind, begun.error()));
    start.after = *begun;
    // Also where the state is sent for want of a version to start from.
    start.mark_end_of_state = options.allow_bookmarks && options.send_initial_events.value_or(
                                                             options.resource_version.empty());
  } else {
    start.after = any_version ? store.Current() : Revision{*version};
  }
  return start;
}

// A name tells most, where it is not in the prefix already.
std::optional<IndexTerm> WakingTermOf(const ListQuery& options, const KindInfo& kind,
                                      const std::string& namespace_name) {
  const auto name = options.fields.Exact("metadata.name");
  const bool in_all_namespaces = kind.namespaced && namespace_name.empty();
  return name && in_all_namespaces ? NameIndexTerm(*name) : TermOf(options, kind);
}

// Of a watch that names none: not all are to end at once that began at once.
Duration UsualTimeout(const WatchParts& parts) {
  if (parts.time_min == Duration::zero()) return kNever;
  return parts.time_min +
         std::chrono::duration_cast<Duration>(parts.time_min * parts.random.Fraction());
}

}  // namespace

Result<http::Response> WatchObjects(const WatchParts& parts, const ApiRequest& request) {
  const MediaType media =
      TRY(Negotiate(request.http, OfferOf(request, {.yaml = false, .watch = true})));
  FrameForm form{.media = media};
  if (media.target == Target::kTable) form.include = TRY(IncludeOf(request));
  const ListQuery options = TRY(ParseListOptions(request.http, *request.kind, true));
  if (request.info.legacy_watch && !request.info.name.empty()) {
    const auto name = options.fields.Exact("metadata.name");
    if (name && *name != request.info.name) {
      return Fail(Reason::kBadRequest, "fieldSelector metadata.name doesn't match requested name");
    }
  }
  Duration timeout = Seconds(options.timeout_seconds.value_or(0));
  const auto selection = std::make_shared<const WatchSelection>(
      WatchSelection{Hold(*request.kind), *request.kind, PackedRules::Of(options.labels),
                     PackedRules::Of(options.fields),
                     request.info.legacy_watch ? request.info.name : std::string(),
                     WakingTermOf(options, *request.kind, request.info.namespace_name)});
  const std::string prefix =
      SelectedPrefix(*request.kind, request.info.namespace_name, options.fields);
  Start start = TRY(StartOf(parts, prefix, selection, options, request.user.name));
  // After the state, whose revision may be of a definition that has changed and left the ring.
  start.definition = TRY(DefinitionWatch::Of(parts.store, *request.kind));
  start.sent = request.initial_events;
  if (start.sent) start.sent->Expect();
  if (timeout <= Duration::zero()) timeout = UsualTimeout(parts);
  auto source =
      std::make_unique<WatchSource>(parts, prefix, selection, form, std::move(start),
                                    options.allow_bookmarks, timeout, request);
  if (http::IsWebSocket(request.http)) {
    return WatchOverWebSocket(request.http, media.encoding, std::move(source));
  }
  http::Response response;
  response.content_type = std::string(ContentTypeOf(media.encoding));
  if (media.encoding == Encoding::kProtobuf) response.content_type += ";stream=watch";
  response.stream = std::move(source);
  return response;
}

}  // namespace skiff
