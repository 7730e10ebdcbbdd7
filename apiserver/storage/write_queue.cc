#include "apiserver/storage/write_queue.h"

#include <pthread.h>

#include <string>
#include <system_error>
#include <utility>

#include "apiserver/storage/store_answers.h"
#include "base/thread_slice.h"

namespace skiff {
namespace {

// Bounds of what one commit carries.
constexpr size_t kGroupWritesMax = 1024;
constexpr size_t kGroupBytesMax = 4 << 20;

}  // namespace

void WriteQueue::Settle(std::span<Writer> writers) {
  MutexLock lock(mutex_);
  bool leads = queue_.empty();
  for (Writer& writer : writers) {
    if (writer.queued) queue_.push_back({&writer});
  }
  lock.unlock();
  for (Writer& writer : writers) {
    if (!writer.queued) continue;
    // Who queues first leads at once; everybody else is told.
    if (!leads) writer.turn_->Pass();
    leads = false;
    if (!writer.done_) Lead(&writer);
  }
}

bool WriteQueue::SettleLater(LateWriter& late) {
  MutexLock lock(mutex_);
  if (late_count_ == kLateMax) return false;
  if (!late_thread_.joinable()) {
    try {
      late_thread_ = std::jthread([this] { LeadForLate(); });
    } catch (const std::system_error&) {
      return false;  // The machine gives none: who brings it waits.
    }
  }
  auto own = std::make_unique<LateWriter>(std::move(late));
  Writer* const writer = &own->writer;
  const bool leads = queue_.empty();
  queue_.push_back({writer, std::move(own)});
  ++late_count_;
  late_leads_ = late_leads_ || leads;
  lock.unlock();
  if (leads) late_turn_->Open();
  return true;
}

void WriteQueue::Stop() {
  std::jthread thread;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    thread.swap(late_thread_);
  }
  late_turn_->Open();
  if (thread.joinable()) thread.join();
}

void WriteQueue::LeadForLate() {
  // Else it has the name of whoever wrote first, and his threads would seem to do its work.
  pthread_setname_np(pthread_self(), "commits");
  TakeShortSlices();
  for (bool stopped = false; !stopped;) {
    late_turn_->Pass();
    MutexLock lock(mutex_);
    bool leads = std::exchange(late_leads_, false);
    stopped = stopped_;
    lock.unlock();
    while (leads) leads = Lead(nullptr);
  }
}

bool WriteQueue::Lead(const Writer* self) {
  MutexLock lock(mutex_);
  const Writers group = TakeGroup();
  lock.unlock();
  commit_(group);
  // Woken, and told, without the mutex, for which they would wait at once.
  std::vector<std::shared_ptr<Gate>> turns;
  std::vector<std::unique_ptr<LateWriter>> told;
  lock.lock();
  for (size_t i = 0; i < group.size(); ++i) {
    Place& place = queue_.front();
    if (place.late) {
      told.push_back(std::move(place.late));
      --late_count_;
    } else if (place.writer != self) {
      place.writer->done_ = true;
      turns.push_back(place.writer->turn_);
    }
    queue_.pop_front();
  }
  const bool goes_on = self == nullptr && !queue_.empty() && queue_.front().late;
  if (!goes_on) {
    if (auto next = NextLeader()) turns.push_back(std::move(next));
  }
  lock.unlock();
  for (const auto& turn : turns) turn->Open();
  for (const auto& late : told) late->then(std::move(late->writer.result));
  return goes_on;
}

std::shared_ptr<Gate> WriteQueue::NextLeader() {
  if (queue_.empty()) return nullptr;
  if (!queue_.front().late) return queue_.front().writer->turn_;
  late_leads_ = true;
  return late_turn_;
}

WriteQueue::Writers WriteQueue::TakeGroup() {
  Writers writers;
  size_t bytes = 0;
  for (const Place& place : queue_) {
    const auto& value = place.writer->write.value;
    if (value) bytes += value->size();
    if (!writers.empty() && (writers.size() == kGroupWritesMax || bytes > kGroupBytesMax)) break;
    writers.push_back(place.writer);
  }
  return writers;
}

void WriteGroup::Prepare(Revision current, const FindPrevious& find_previous,
                         const FindRevision& find_revision) {
  Revision next = current;
  for (WriteQueue::Writer* writer : writers_) {
    Result<RecordPtr> previous = Previous(*writer, find_previous);
    if (!previous) {
      writer->result = tl::unexpected(std::move(previous).error());
      continue;
    }
    Result<> allowed = CheckPrecondition(writer->write, *previous);
    if (allowed) allowed = CheckRelied(writer->write, find_revision);
    if (!allowed) {
      writer->result = tl::unexpected(std::move(allowed).error());
      continue;
    }
    ++next.value;
    Add(*writer, next, std::move(*previous));
  }
}

void WriteGroup::FailAll(const Error& error) {
  for (WriteQueue::Writer* writer : writers_) writer->result = tl::unexpected(error);
}

Result<RecordPtr> WriteGroup::Previous(const WriteQueue::Writer& writer,
                                       const FindPrevious& find_previous) const {
  const auto own = overlay_.find(writer.write.key);
  if (own != overlay_.end()) return own->second;
  return find_previous(writer);
}

Result<> WriteGroup::CheckRelied(const Write& write, const FindRevision& find_revision) const {
  for (const Unchanged& relied : write.relies_on) {
    const auto own = overlay_.find(relied.key);
    std::optional<Revision> modified;
    if (own == overlay_.end()) {
      modified = find_revision(relied.key);
    } else if (own->second != nullptr) {
      modified = own->second->modified;
    }
    if (modified != relied.modified) return Fail(ReliesOnChanged(write.key));
  }
  return {};
}

void WriteGroup::Add(WriteQueue::Writer& writer, Revision revision, RecordPtr previous) {
  Write& write = writer.write;
  if (!write.value) {
    events_.push_back(MakeEvent(Event::Kind::kDelete, revision, previous, previous));
    sealed_.emplace_back();
    writer.result = Written{.revision = revision, .record = previous};
    overlay_[previous->key] = nullptr;
    return;
  }
  if (write.revision_at != std::string::npos) {
    write.value->insert(write.revision_at, std::to_string(revision.value));
  }
  if (write.attached) write.attached->StoredAt(revision);
  const Revision created = previous ? previous->created : revision;
  const auto record = std::make_shared<const Record>(Record{.key = std::move(write.key),
                                                            .value = std::move(*write.value),
                                                            .created = created,
                                                            .modified = revision,
                                                            .attached = write.attached,
                                                            .seal = writer.sealed.seal});
  overlay_[record->key] = record;
  writer.result = Written{.revision = revision, .record = record};
  events_.push_back(MakeEvent(Event::Kind::kPut, revision, record, std::move(previous)));
  sealed_.push_back(std::move(writer.sealed.bytes));
}

}  // namespace skiff
