// Writes the statuses of pods to the API: the newest of each pod, one request each, and at last the
// removal of pods that are gone. Several are written at once: by as many writers, or by one that
// waits for none (decision 0074).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "client/mailbox.h"

namespace skiff::kubelet {

class StatusManager {
 public:
  static constexpr Duration kRetryDelay = 1s;
  static constexpr int kWriters = 4;

  // The object in the API that shows a pod's status, as far as known: of a static pod its mirror.
  // nullptr: there is none (yet).
  using FindObject = std::function<Ptr<core_v1::Pod>(const Ptr<core_v1::Pod>& pod)>;

  StatusManager(Client& client, const Clock& clock, FindObject object_of);
  ~StatusManager();
  void Start(Executor& executor);
  void Stop();

  // The status as it shall be. Any thread.
  void Set(const Ptr<core_v1::Pod>& pod, Ptr<core_v1::PodStatus> status);
  void Set(const Ptr<core_v1::Pod>& pod, core_v1::PodStatus status) {
    Set(pod, std::make_shared<const core_v1::PodStatus>(std::move(status)));
  }
  // Its containers and volumes are gone: once its last status is written, the object is deleted.
  void Finish(const Ptr<core_v1::Pod>& pod);
  // The pod has a new object in the API, which knows nothing of its status.
  void WriteAgain(const std::string& uid);
  // `object` shows the pod now. What others made of its status, as the one who marks the pods of a
  // node that was silent, is put right again.
  void Reconcile(const std::string& uid, const Ptr<core_v1::Pod>& object);
  Ptr<core_v1::Pod> ObjectOf(const Ptr<core_v1::Pod>& pod) const { return object_of_(pod); }
  // What was set last.
  std::optional<core_v1::PodStatus> Latest(const std::string& uid) const;
  // How many pods have a resize that waits for room, by the reason in small letters, or under way
  // ("").
  std::map<std::string, int> CountResizes() const;
  // That one's phase is one of the end.
  bool IsSaidToHaveEnded(const std::string& uid) const;
  // The object is gone from the API.
  void Forget(const std::string& uid);

 private:
  class Writer;
  struct Entry {
    Ptr<core_v1::Pod> pod;
    Ptr<core_v1::PodStatus> status;  // Null where none was ever set.
    uint64_t version = 0;
    uint64_t written = 0;
    bool finished = false;
    bool queued = false;    // In due_.
    bool writing = false;   // By one of the writers.
    Duration not_before{};  // Monotonic; after a failure.
    uint64_t revision = 0;  // Of the object when it was written last.
    Ptr<core_v1::Pod> known;  // The newest version of it that was seen or written.
    bool IsDue() const { return version > written || finished; }
  };
  void Queue(const std::string& uid, Entry& entry) REQUIRES(mutex_);
  void WakeWriter();
  Duration WriteNext();
  bool IsMore() const;
  // Takes the first entry that may be written now; else says in `wait` how long none may.
  std::optional<Entry> TakeDue(Duration& wait);
  void GiveBack(const Entry& entry, bool written, bool done);
  // Has what was written last written again, where others have changed it since; true: it is due.
  bool PutRight(Entry& entry) const REQUIRES(mutex_);
  static bool IsNewer(const core_v1::Pod& object, const Ptr<core_v1::Pod>& known);
  // What is taken goes from one to the next, each perhaps when an answer comes, and is given back.
  using Taken = std::shared_ptr<Entry>;
  void Write(const Taken& entry);
  void WriteDone(const Taken& entry, const Ptr<core_v1::Pod>& object,
                 const Result<Ptr<core_v1::Pod>>& written);
  void RemoveIfFinished(const Taken& entry);

  Client& client_;
  const Clock& clock_;
  const FindObject object_of_;
  const Log log_{"status"};
  Executor* executor_ = nullptr;
  std::vector<std::unique_ptr<Writer>> writers_;
  // Taken after the kubelet's.
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);  // By uid.
  std::deque<std::string> due_ GUARDED_BY(mutex_);           // Uids, first come, first written.
  std::atomic<size_t> next_writer_ = 0;
  Mailbox answers_;
};

// The strategic merge patch that makes the status of the object with this uid ours: conditions of
// others stay, and so does what the API server and controllers write there.
Json StatusPatch(const std::string& uid, const core_v1::PodStatus& status);
// What that patch makes of `before`.
core_v1::PodStatus PatchedStatus(const core_v1::PodStatus& before,
                                 const core_v1::PodStatus& status);

}  // namespace skiff::kubelet
