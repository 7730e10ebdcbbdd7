#include "apiserver/watches/watch_state.h"

#include <algorithm>

#include "apiserver/objects/list_in_version.h"
#include "base/at_once.h"

namespace skiff {

Result<ListPage> WatchState::List(const ListRequest& request) {
  return shown_as_ ? PageInVersion(store_, *shown_as_, request, kPageBytes)
                   : PageOf(store_, request, kPageBytes);
}

Result<Revision> WatchState::Begin() {
  if (!MayWait()) return Fail(WouldWait());
  ListRequest request = selected_;
  request.limit = kFirstPageRecords;
  auto page = TRY(List(request));
  MutexLock lock(mutex_);
  revision_ = page.revision;
  TakePage(std::move(page));
  return revision_;
}

void WatchState::OnMore(std::function<void()> wake) {
  MutexLock lock(mutex_);
  wake_ = std::move(wake);
}

bool WatchState::is_done() const {
  MutexLock lock(mutex_);
  return page_.empty() && !more_ && failure_;
}

Result<RecordPtr> WatchState::Take() {
  {
    MutexLock lock(mutex_);
    if (!failure_) return tl::unexpected(failure_.error());
    if (page_.empty()) {
      if (!more_ || reading_) return nullptr;
      reading_ = true;
    } else {
      RecordPtr record = std::move(page_.front());
      page_.pop_front();
      return record;
    }
  }
  if (aside_.loop == nullptr) {
    ReadNext();
    return Take();
  }
  // The client may have left when its turn comes.
  const bool taken = aside_.Submit([state = weak_from_this()] {
    if (const auto here = state.lock()) here->ReadNext();
  });
  if (taken) return nullptr;
  return Fail(Reason::kTooManyRequests, "Too many requests, please try again later.");
}

void WatchState::ReadNext() {
  ListRequest request = selected_;
  {
    MutexLock lock(mutex_);
    request.start_after = last_key_;
    request.at = revision_;
    request.limit = page_records_;
  }
  auto page = List(request);
  std::function<void()> wake;
  {
    MutexLock lock(mutex_);
    reading_ = false;
    if (page) {
      TakePage(*std::move(page));
    } else {
      failure_ = tl::unexpected(page.error());
    }
    wake = wake_;
  }
  if (wake) wake();
}

void WatchState::TakePage(ListPage page) {
  size_t bytes = 0;
  for (const RecordPtr& record : page.records) bytes += record->value.size();
  if (!page.records.empty()) {
    last_key_ = page.records.back()->key;
    const size_t fitting = kPageBytes * page.records.size() / std::max<size_t>(1, bytes);
    page_records_ = std::clamp(fitting, kPageRecordsMin, kPageRecordsMax);
  }
  page_.assign(std::make_move_iterator(page.records.begin()),
               std::make_move_iterator(page.records.end()));
  more_ = page.more;
}

}  // namespace skiff
