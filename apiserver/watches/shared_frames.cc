#include "apiserver/watches/shared_frames.h"

#include <algorithm>

#include "api/crd/custom_kind.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/record_cache.h"

namespace skiff {
namespace {

// Where stored bytes go out as they are, the frame is only a copy.
constexpr size_t kCopiedBytesACost = 64;
// More than a step has left.
constexpr size_t kNotInAStep = size_t{1} << 30;

// The first object of a definition has its schema made, however large that is.
bool MakesSchema(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime != nullptr && runtime->custom != nullptr && !runtime->custom->stored->IsMade();
}

// What the columns of a definition look at has nothing to do with how long an object is.
bool HasOwnColumns(const KindInfo& kind, const FrameForm& form) {
  return RuntimeKindOf(kind) != nullptr && form.media.target == Target::kTable;
}

// Whether the frame is what is stored in an envelope.
bool IsCopy(const KindInfo& kind, const FrameForm& form) {
  const MediaType& media = form.media;
  return media.encoding != Encoding::kProtobuf && media.target != Target::kTable &&
         media.target != Target::kPartialMetadata && IsSentAsKept(kind);
}

size_t CostOf(const KindInfo& kind, const FrameForm& form, size_t bytes) {
  if (MakesSchema(kind) || HasOwnColumns(kind, form)) return kNotInAStep;
  return IsCopy(kind, form) ? bytes / kCopiedBytesACost : bytes;
}

// Of the records of an event, and of what is derived from it beside the smallest of them: with the
// records themselves five times what they are (EventRing::Options).
constexpr size_t kDerivedTimesRecords = 4;
constexpr size_t kDerivedBytesMin = 4 << 10;

size_t RecordsBytes(const Event& event) {
  size_t bytes = event.record == nullptr ? 0 : RecordBytes(*event.record);
  if (event.previous && event.previous != event.record) bytes += RecordBytes(*event.previous);
  return bytes;
}

DerivedRoomPtr RoomOf(const Event& event) {
  return std::make_shared<DerivedRoom>(kDerivedBytesMin +
                                       kDerivedTimesRecords * RecordsBytes(event));
}

FrameKey KeyOf(const KindInfo& kind, Change change, const FrameForm& form) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  FrameKey key{.kind = &kind,
               .serial = runtime == nullptr ? 0 : runtime->serial,
               .change = change,
               .encoding = form.media.encoding,
               .target = form.media.target,
               .target_version = form.media.target_version};
  if (key.target != Target::kTable) return key;
  key.include = form.include;
  key.headers = form.headers;
  return key;
}

}  // namespace

http::SharedBytes Frame::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

http::SharedBytes Frame::BytesOr(const http::Waker& waker) {
  MutexLock lock(mutex_);
  if (bytes_ == nullptr) waiting_.push_back(waker);
  return bytes_;
}

bool Frame::is_last() const {
  MutexLock lock(mutex_);
  return is_last_;
}

void Frame::Set(std::string bytes, bool is_last) {
  auto made = std::make_shared<const std::string>(std::move(bytes));
  std::vector<http::Waker> waiting;
  {
    MutexLock lock(mutex_);
    bytes_ = std::move(made);
    is_last_ = is_last;
    waiting.swap(waiting_);
  }
  for (const http::Waker& wake : waiting) {
    if (wake) wake();
  }
}

EventFrames& EventFrames::Of(const Event& event) {
  auto derived = event.derived.load();
  if (derived == nullptr) {
    std::shared_ptr<Event::Derived> frames = std::make_shared<EventFrames>(RoomOf(event));
    // Whoever was faster left theirs in `derived`.
    if (event.derived.compare_exchange_strong(derived, frames)) derived = std::move(frames);
  }
  // The event keeps it, and nothing else is ever put there.
  return static_cast<EventFrames&>(*derived);
}

std::pair<FramePtr, bool> EventFrames::Find(const FrameKey& key, TimePoint now) {
  MutexLock lock(mutex_);
  for (auto slot = slots_.begin(); slot != slots_.end();) {
    FramePtr frame = slot->frame.lock();
    const bool is_wanted = slot->key == key;
    const bool is_old = key.target == Target::kTable && now - slot->as_of > kAgeSlack;
    if (is_wanted && frame != nullptr && !is_old) return {std::move(frame), false};
    slot = is_wanted || frame == nullptr ? slots_.erase(slot) : slot + 1;
  }
  auto frame = std::make_shared<Frame>();
  slots_.push_back({.key = key, .as_of = now, .frame = frame});
  return {std::move(frame), true};
}

void EventFrames::Keep(const FramePtr& frame) {
  const http::SharedBytes bytes = frame->bytes();
  const size_t size = sizeof(Slot) + sizeof(Frame) + (bytes == nullptr ? 0 : bytes->capacity());
  MutexLock lock(mutex_);
  const auto kept = std::count_if(slots_.begin(), slots_.end(),
                                  [](const Slot& slot) { return slot.kept != nullptr; });
  if (static_cast<size_t>(kept) >= kKeptMax) return;
  for (Slot& slot : slots_) {
    if (slot.kept != nullptr || slot.frame.lock() != frame) continue;
    slot.place = DerivedPlace::Take(room_, size);
    if (slot.place) slot.kept = frame;
  }
}

std::pair<EventInVersionPtr, bool> EventFrames::FindVersion(uint64_t serial) {
  MutexLock lock(mutex_);
  std::erase_if(versions_, [](const VersionSlot& slot) { return slot.version.expired(); });
  for (const VersionSlot& slot : versions_) {
    if (slot.serial != serial) continue;
    if (auto version = slot.version.lock()) return {std::move(version), false};
  }
  if (versions_.size() >= kVersionsMax) versions_.erase(versions_.begin());
  auto version = std::make_shared<EventInVersion>();
  versions_.push_back({.serial = serial, .version = version});
  return {std::move(version), true};
}

void EventFrames::KeepVersion(const EventInVersionPtr& version, const Event& event) {
  event.derived = std::make_shared<EventFrames>(room_);
  MutexLock lock(mutex_);
  for (VersionSlot& slot : versions_) {
    if (slot.version.lock() != version) continue;
    slot.place = DerivedPlace::Take(room_, sizeof(Event) + RecordsBytes(event));
    if (slot.place) slot.kept = version;
  }
}

void EventFrames::DropVersion(const EventInVersionPtr& version) {
  MutexLock lock(mutex_);
  std::erase_if(versions_, [&](const auto& slot) { return slot.version.lock() == version; });
}

FramePtr FrameMaker::OfEvent(const KindInfo& kind, const EventPtr& event, Change change,
                             const FrameForm& form) {
  // Of the history a copy is sooner made again, in memory that is at hand, than kept in memory that
  // the kernel must clear first.
  const bool keep = !event->bygone || !IsCopy(kind, form);
  auto [frame, is_new] = EventFrames::Of(*event).Find(KeyOf(kind, change, form), form.now);
  if (!is_new) return frame;
  size_t bytes = event->record->value.size();
  if (event->previous) bytes = std::max(bytes, event->previous->value.size());
  Make(frame, CostOf(kind, form, bytes), form, keep ? event : nullptr,
       [&kind, pin = pin_, event, change, form] { return EventFrame(kind, *event, change, form); });
  return frame;
}

FramePtr FrameMaker::OfRecord(const KindInfo& kind, const RecordPtr& record,
                              const FrameForm& form) {
  auto frame = std::make_shared<Frame>();
  Make(frame, CostOf(kind, form, record->value.size()), form, nullptr,
       [&kind, pin = pin_, record, form] { return AddedFrame(kind, *record, form); });
  return frame;
}

void FrameMaker::Make(const FramePtr& frame, size_t cost, const FrameForm& form,
                      const EventPtr& keeper, std::function<Result<std::string>()> make) {
  const auto fill = [form, keeper, make = std::move(make)](const FramePtr& wanted) {
    auto made = make();
    const bool fails = !made;
    wanted->Set(fails ? ErrorFrame(made.error(), form) : *std::move(made), fails);
    if (keeper != nullptr) EventFrames::Of(*keeper).Keep(wanted);
  };
  if (aside_.loop == nullptr || spent_ + cost <= kStepBytesMax) {
    spent_ += cost;
    return fill(frame);
  }
  // When everybody has left who wanted it, it need not be made.
  aside_.Submit([frame = std::weak_ptr<Frame>(frame), fill] {
    if (const auto wanted = frame.lock()) fill(wanted);
  });
}

}  // namespace skiff
