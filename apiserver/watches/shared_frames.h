// Frames of watches, made once for all watchers that want an event in the same form.
//
//   FrameMaker maker(aside);                    // One a watcher, on the loop of its connection.
//   maker.BeginStep();                          // With each Pull.
//   FramePtr frame = maker.OfEvent(kind, event, change, form);
//   http::SharedBytes bytes = frame->BytesOr(waker);   // Null: made aside; the waker is called.
//
// A megabyte of JSON takes tens of milliseconds to become a Table or protobuf, and a loop has
// thousands of other connections. So of what must be parsed, a step makes a little by itself; the
// rest is made aside, while the watcher waits and sends nothing that comes after.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/storage/store.h"
#include "apiserver/watches/converted_events.h"
#include "apiserver/watches/derived_room.h"
#include "apiserver/watches/watch_frame.h"
#include "apiserver/watches/watch_job_loop.h"
#include "base/mutex.h"
#include "http/stream.h"

namespace skiff {

// Thread-safe.
class Frame {
 public:
  // Null while it is being made.
  http::SharedBytes bytes() const;
  // The same; and `waker` is called, on any thread, once they are there.
  http::SharedBytes BytesOr(const http::Waker& waker);
  // Whether they are an ERROR, behind which nothing comes; false while they are being made.
  bool is_last() const;
  // Once.
  void Set(std::string bytes, bool is_last = false);

 private:
  mutable Mutex mutex_;
  http::SharedBytes bytes_ GUARDED_BY(mutex_);
  bool is_last_ GUARDED_BY(mutex_) = false;
  std::vector<http::Waker> waiting_ GUARDED_BY(mutex_);
};
using FramePtr = std::shared_ptr<Frame>;

// By what two frames of one event differ.
struct FrameKey {
  const KindInfo* kind = nullptr;  // In its version.
  uint64_t serial = 0;             // RuntimeKind's: another kind may come to stand at the address.
  Change change = Change::kAdded;
  Encoding encoding = Encoding::kJson;
  Target target = Target::kObject;
  std::string target_version;
  IncludeObject include = IncludeObject::kMetadata;
  bool headers = true;
  bool operator==(const FrameKey&) const = default;
};

// What is derived from one event. Thread-safe.
class EventFrames final : public Event::Derived {
 public:
  static EventFrames& Of(const Event& event);
  explicit EventFrames(DerivedRoomPtr room) : room_(std::move(room)) {}

  // The frame, and whether it is new: then the caller has to see that it is made. There for as long
  // as somebody has it.
  std::pair<FramePtr, bool> Find(const FrameKey& key, TimePoint now);
  // Keeps one that is made with the event, if there is room.
  void Keep(const FramePtr& frame);
  // The event in the version of the kind with that serial, and whether it is new: then the caller
  // has to see that it is made. There for as long as somebody has it.
  std::pair<EventInVersionPtr, bool> FindVersion(uint64_t serial);
  // Keeps one that came to `event` with the event, if there is room. What is derived from `event`
  // shares that room.
  void KeepVersion(const EventInVersionPtr& version, const Event& event);
  // One that could not be made.
  void DropVersion(const EventInVersionPtr& version);

 private:
  // So many versions are known, the last ones that were asked for.
  static constexpr size_t kVersionsMax = 4;

  // So many forms are kept as long as the event; further ones while somebody waits for them or
  // sends them. Otherwise who asks for everything in all forms would multiply the ring.
  static constexpr size_t kKeptMax = 8;
  // How much older than the truth a Table may tell ages.
  static constexpr Duration kAgeSlack = 5s;

  struct Slot {
    FrameKey key;
    TimePoint as_of;
    std::weak_ptr<Frame> frame;
    FramePtr kept = nullptr;
    std::optional<DerivedPlace> place = std::nullopt;
  };
  struct VersionSlot {
    uint64_t serial;
    std::weak_ptr<EventInVersion> version;
    EventInVersionPtr kept = nullptr;
    std::optional<DerivedPlace> place = std::nullopt;
  };
  const DerivedRoomPtr room_;
  Mutex mutex_;
  std::vector<Slot> slots_ GUARDED_BY(mutex_);
  std::vector<VersionSlot> versions_ GUARDED_BY(mutex_);
};

// Of one watcher; on one thread at a time.
class FrameMaker {
 public:
  // Without a loop all is made at once. `pin` keeps the kinds that it is asked for.
  explicit FrameMaker(WatchJobs aside, std::shared_ptr<const void> pin = nullptr)
      : aside_(std::move(aside)), pin_(std::move(pin)) {}

  void BeginStep() { spent_ = 0; }
  FramePtr OfEvent(const KindInfo& kind, const EventPtr& event, Change change,
                   const FrameForm& form);
  // An object of the initial state: nobody else's.
  FramePtr OfRecord(const KindInfo& kind, const RecordPtr& record, const FrameForm& form);

 private:
  // Bytes of JSON that are parsed in one step: a millisecond's.
  static constexpr size_t kStepBytesMax = 64 << 10;

  // What cannot be made becomes an ERROR in that form. Kept with `keeper`, if that is not null.
  void Make(const FramePtr& frame, size_t cost, const FrameForm& form, const EventPtr& keeper,
            std::function<Result<std::string>()> make);

  const WatchJobs aside_;
  const std::shared_ptr<const void> pin_;
  size_t spent_ = 0;
};

}  // namespace skiff
