#include "apiserver/storage/write_queue.h"

#include <string>
#include <utility>

#include "apiserver/storage/store_answers.h"

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
    if (writer.queued) queue_.push_back(&writer);
  }
  lock.unlock();
  for (Writer& writer : writers) {
    if (!writer.queued) continue;
    // Who queues first leads at once; everybody else is told.
    if (!leads) writer.turn_->Pass();
    leads = false;
    if (!writer.done_) Lead(writer);
  }
}

void WriteQueue::Lead(const Writer& self) {
  MutexLock lock(mutex_);
  const Writers group = TakeGroup();
  lock.unlock();
  commit_(group);
  // Woken without the mutex, for which they would wait at once.
  std::vector<std::shared_ptr<Gate>> turns;
  lock.lock();
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(group.size()));
  if (!queue_.empty()) turns.push_back(queue_.front()->turn_);
  lock.unlock();
  for (Writer* writer : group) {
    if (writer == &self) continue;
    writer->done_ = true;
    turns.push_back(writer->turn_);
  }
  for (const auto& turn : turns) turn->Open();
}

WriteQueue::Writers WriteQueue::TakeGroup() {
  Writers writers;
  size_t bytes = 0;
  for (Writer* writer : queue_) {
    if (writer->write.value) bytes += writer->write.value->size();
    if (!writers.empty() && (writers.size() == kGroupWritesMax || bytes > kGroupBytesMax)) break;
    writers.push_back(writer);
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
    writer.result = Written{.revision = revision, .record = previous};
    overlay_[previous->key] = nullptr;
    return;
  }
  if (write.revision_at != std::string::npos) {
    write.value->insert(write.revision_at, std::to_string(revision.value));
  }
  const Revision created = previous ? previous->created : revision;
  const auto record = std::make_shared<const Record>(Record{.key = std::move(write.key),
                                                            .value = std::move(*write.value),
                                                            .created = created,
                                                            .modified = revision});
  overlay_[record->key] = record;
  writer.result = Written{.revision = revision, .record = record};
  events_.push_back(MakeEvent(Event::Kind::kPut, revision, record, std::move(previous)));
}

}  // namespace skiff
