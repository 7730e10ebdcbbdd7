// The queue of those who write to a store that commits one group at a time.
//
//   Settle ─► queue ─► leader: takes a group, commits it ─► the group's others are answered
//                                                       `─► the next of the queue leads
//
// Threads that write at the same time share one commit: the first of the queue leads, commits for
// those behind it as well, and hands over to the next. For writes that no thread waits for the
// queue has one of its own, started by the first of them, that leads when such a write is in front.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/store.h"
#include "base/error.h"
#include "base/gate.h"
#include "base/mutex.h"

namespace skiff {

class WriteQueue {
 public:
  // One write that waits. Whoever brings it fills in the first three and looks at `result`; in
  // between it is the leader's.
  struct Writer {
    Write write;
    RecordPtr hint;  // What the caller's thread found under the key; may be older than the newest.
    bool queued = false;  // Else it has failed already, and has its result.
    Sealing::Value sealed = {};  // What is to be kept of its value, where that is sealed.
    Result<Written> result = Written{};

   private:
    friend class WriteQueue;
    bool done_ = false;
    // Raised once: its write is done, or it is to lead. Whoever raises it holds it too, since the
    // writer may be gone by then.
    std::shared_ptr<Gate> turn_ = std::make_shared<Gate>();
  };
  // A write that nobody waits for.
  struct LateWriter {
    Writer writer;
    Store::Then then;
  };
  // So many of these may be in the queue: they hold memory, where others hold a thread.
  static constexpr size_t kLateMax = 256;
  // At most 1024 writers, and 4 MiB of values unless a single one is more.
  using Writers = std::vector<Writer*>;

  // `commit` gives each writer its result. It is called on the thread of one of them, one call at a
  // time, and must not throw: the others would wait for ever.
  explicit WriteQueue(std::function<void(const Writers&)> commit) : commit_(std::move(commit)) {}

  ~WriteQueue() { Stop(); }
  // Queues them in this order, and returns when each has its result. Any thread.
  void Settle(std::span<Writer> writers);
  // Queues one whose `then` gets the result. False: there are too many, and it was left alone. Any
  // thread.
  bool SettleLater(LateWriter& late);
  // Returns when all that was queued has its result. Nobody may come any more.
  void Stop();

 private:
  // A place in the queue: somebody's writer, or one that is the queue's own.
  struct Place {
    Writer* writer;
    std::unique_ptr<LateWriter> late = nullptr;
  };
  // Commits for the front of the queue and for those behind it, and hands over. `self`: the writer
  // whose thread this is; nullptr: it is the queue's own, and true tells it to lead once more.
  bool Lead(const Writer* self);
  Writers TakeGroup() REQUIRES(mutex_);
  // Whoever is in front by now is to lead: the gate to be opened for it; nullptr: there is nobody.
  std::shared_ptr<Gate> NextLeader() REQUIRES(mutex_);
  void LeadForLate();

  const std::function<void(const Writers&)> commit_;
  Mutex mutex_;
  // First come first served. The front one leads; a writer leaves when its result is there.
  std::deque<Place> queue_ GUARDED_BY(mutex_);
  size_t late_count_ GUARDED_BY(mutex_) = 0;
  bool late_leads_ GUARDED_BY(mutex_) = false;  // The queue's thread is to.
  bool stopped_ GUARDED_BY(mutex_) = false;
  const std::shared_ptr<Gate> late_turn_ = std::make_shared<Gate>();
  std::jthread late_thread_ GUARDED_BY(mutex_);
};

// The writes that one commit carries, and their outcome. Used by the leader alone.
class WriteGroup {
 public:
  // What is under the writer's key before the group; nullptr: nothing.
  using FindPrevious = std::function<Result<RecordPtr>(const WriteQueue::Writer&)>;
  // When what is under the key before the group was written; nullopt: nothing is there.
  using FindRevision = std::function<std::optional<Revision>(const std::string& key)>;

  explicit WriteGroup(const WriteQueue::Writers& writers) : writers_(writers) {}

  // Decides every write in order, as if each were alone; those that fail have their result. The
  // others get revisions from the one after `current` on, and are `events`.
  void Prepare(Revision current, const FindPrevious& find_previous,
               const FindRevision& find_revision);
  const std::vector<EventPtr>& events() const { return events_; }
  // The bytes that are kept of each event's value; "": the value itself.
  const std::vector<std::string>& sealed() const { return sealed_; }
  // What precondition failures were decided on did not come to be either.
  void FailAll(const Error& error);

 private:
  Result<RecordPtr> Previous(const WriteQueue::Writer& writer,
                             const FindPrevious& find_previous) const;
  Result<> CheckRelied(const Write& write, const FindRevision& find_revision) const;
  void Add(WriteQueue::Writer& writer, Revision revision, RecordPtr previous);

  const WriteQueue::Writers& writers_;
  std::vector<EventPtr> events_;
  std::vector<std::string> sealed_;
  // What the group itself left under a key so far; nullptr: nothing. The keys lie in events_.
  std::unordered_map<std::string_view, RecordPtr> overlay_;
};

}  // namespace skiff
