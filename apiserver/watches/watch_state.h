// What a watch shows before its events: the state at one revision, read page by page as the client
// takes it, so that a thousand clients that begin at once hold a thousand pages and not a thousand
// times all there is. Only what the client selects is read into a page.
//
// The first page is read while the request is handled; the next ones aside, by a loop, since the
// connection's own loop has thousands of others to serve and may not wait for a disk or for etcd.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/type.h"
#include "apiserver/storage/store.h"
#include "apiserver/watches/watch_job_loop.h"
#include "base/mutex.h"

namespace skiff {

// One watch's. Shared with the job that reads its next page; thread-safe.
class WatchState : public std::enable_shared_from_this<WatchState> {
 public:
  // Of `selected` count the prefix, the filter, which is called on any thread, and the terms.
  // Without a loop pages are read where they are taken. The store outlives it. Records are those of
  // the version `shown_as`; null: as they are kept.
  WatchState(Store& store, WatchJobs aside, ListRequest selected,
             std::shared_ptr<const KindInfo> shown_as = nullptr)
      : store_(store),
        aside_(std::move(aside)),
        selected_(std::move(selected)),
        shown_as_(std::move(shown_as)) {}

  // Reads the first page, and says which revision it is of. Once, before all others.
  Result<Revision> Begin();
  // Called when there is more to take.
  void OnMore(std::function<void()> wake);
  // What comes next; nullptr when that is still being read, or is_done. Expired when it took so
  // long that the revision is gone.
  Result<RecordPtr> Take();
  bool is_done() const;

 private:
  // About as many bytes a page, or one record: a thousand clients that take nothing hold as much
  // each, however large the objects are.
  static constexpr size_t kPageBytes = 512 << 10;
  static constexpr size_t kFirstPageRecords = 256;
  static constexpr size_t kPageRecordsMin = 2;
  static constexpr size_t kPageRecordsMax = 1024;

  Result<ListPage> List(const ListRequest& request);
  void ReadNext();
  void TakePage(ListPage page) REQUIRES(mutex_);

  Store& store_;
  const WatchJobs aside_;
  const ListRequest selected_;
  const std::shared_ptr<const KindInfo> shown_as_;
  mutable Mutex mutex_;
  std::deque<RecordPtr> page_ GUARDED_BY(mutex_);
  bool more_ GUARDED_BY(mutex_) = false;     // Behind the page.
  bool reading_ GUARDED_BY(mutex_) = false;  // A job is on its way.
  Revision revision_ GUARDED_BY(mutex_);
  std::string last_key_ GUARDED_BY(mutex_);
  size_t page_records_ GUARDED_BY(mutex_) = kFirstPageRecords;
  Result<> failure_ GUARDED_BY(mutex_);
  std::function<void()> wake_ GUARDED_BY(mutex_);
};

}  // namespace skiff
