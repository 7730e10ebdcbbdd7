#include "apiserver/objects/list_in_version.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/paged_list.h"

namespace skiff {
namespace {

constexpr size_t kRecordsAtOnce = 500;
// Of what is read at a time.
constexpr size_t kVersionPageBytes = 1 << 20;
// The same of what is not selected from: as much as one question takes.
constexpr size_t kAsVersionBytes = 2 << 20;

// Takes what the filter wants of a page; false once that is as much as was asked for.
bool TakeWanted(const ListRequest& request, const ListPage& from, ListPage& page, size_t& bytes) {
  for (size_t i = 0; i < from.records.size(); ++i) {
    const RecordPtr& record = from.records[i];
    if (!request.filter(*record)) continue;
    page.records.push_back(record);
    bytes += record->value.size();
    const bool is_full = page.records.size() == request.limit ||
                         (request.bytes_max != 0 && bytes >= request.bytes_max);
    if (!is_full) continue;
    page.more = from.more || i + 1 < from.records.size();
    return false;
  }
  return true;
}

// Store::List with a filter, for a kind whose objects may have to be converted before they can be
// selected from.
Result<ListPage> SelectInVersion(Store& store, const KindInfo& kind, const ListRequest& request) {
  ListRequest all = request;
  all.filter = {};
  all.terms = {};
  all.limit = kRecordsAtOnce;
  ListPage page;
  size_t bytes = 0;
  for (;;) {
    ListPage next = TRY(PageOf(store, all, kVersionPageBytes));
    page.revision = all.at = next.revision;
    next.records = TRY(InVersion(kind, std::move(next.records)));
    if (!TakeWanted(request, next, page, bytes) || !next.more) return page;
    all.start_after = next.records.back()->key;
  }
}

// All of a list, converted as it is taken.
class ListAsVersion final : public ListCursor {
 public:
  ListAsVersion(std::unique_ptr<ListCursor> kept, const KindInfo& kind)
      : kept_(std::move(kept)), kind_(kind) {}

  Revision revision() const override { return kept_->revision(); }
  bool more() const override { return kept_->more(); }
  uint64_t remaining() const override { return kept_->remaining(); }
  const std::string& last_key() const override { return kept_->last_key(); }

  Result<bool> Next(size_t bytes_max, std::vector<RecordPtr>& out) override {
    while (taken_ == page_.size() && left_) TRY(ReadPage());
    for (size_t bytes = 0; bytes < bytes_max && taken_ < page_.size(); ++taken_) {
      bytes += page_[taken_]->value.size();
      out.push_back(page_[taken_]);
    }
    return taken_ < page_.size() || left_;
  }

  // What is at hand is not asked for again.
  void Rewind(size_t skip) override {
    if (skip >= first_ && skip - first_ <= page_.size()) {
      taken_ = skip - first_;
      return;
    }
    kept_->Rewind(skip);
    page_.clear();
    first_ = skip;
    taken_ = 0;
    left_ = true;
  }

 private:
  Result<> ReadPage() {
    std::vector<RecordPtr> records;
    bool left = true;
    for (size_t bytes = 0, counted = 0;
         left && bytes < kAsVersionBytes && counted < kRecordsAtOnce;) {
      left = TRY(kept_->Next(kAsVersionBytes - bytes, records));
      for (; counted < records.size(); ++counted) bytes += records[counted]->value.size();
    }
    records = TRY(InVersion(kind_, std::move(records)));
    first_ += page_.size();
    page_ = std::move(records);
    taken_ = 0;
    left_ = left;
    return {};
  }

  const std::unique_ptr<ListCursor> kept_;
  const KindInfo& kind_;
  std::vector<RecordPtr> page_;
  size_t first_ = 0;  // So many are before the page,
  size_t taken_ = 0;  // and so many of it were returned.
  bool left_ = true;
};

}  // namespace

Error UnreadyInVersion(const KindInfo& kind, Error error) {
  if (!error.is_of_version) return error;
  Error unready{Reason::kTooManyRequests,
                fmt::format("storage is (re)initializing: failed to list {}, Kind={}: {}",
                            kind.api_version, kind.kind, error.message)};
  unready.details = ErrorDetails{.retry_after_s = 1};
  return unready;
}

Result<ListPage> PageOf(Store& store, const ListRequest& request, size_t bytes_max) {
  ListRequest piece = request;
  piece.bytes_max = bytes_max;
  const auto cursor = TRY(store.OpenList(piece));
  ListPage page;
  page.revision = cursor->revision();
  bool left = true;
  while (left && page.records.empty()) left = TRY(cursor->Next(bytes_max, page.records));
  page.more = left || cursor->more();
  return page;
}

Result<ListPage> PageInVersion(Store& store, const KindInfo& kind, const ListRequest& request,
                               size_t bytes_max) {
  if (!IsConvertedByWebhook(kind)) return PageOf(store, request, bytes_max);
  if (!MayConvert(kind)) {
    ListPage page = TRY(PageOf(store, request, bytes_max));
    const bool is_all = std::ranges::none_of(
        page.records, [&](const RecordPtr& record) { return NeedsConversion(kind, *record); });
    if (is_all) return page;
    MeetOthers(kind);
  }
  ListRequest all = request;
  all.filter = {};
  all.terms = {};
  // As many as one question takes: of a page that is selected from, few may be left.
  if (request.filter) all.limit = kRecordsAtOnce;
  for (;;) {
    ListPage page = TRY(PageOf(store, all, bytes_max));
    if (page.records.empty()) return page;
    all.at = page.revision;
    all.start_after = page.records.back()->key;
    page.records = TRY(InVersion(kind, std::move(page.records)));
    if (request.filter) {
      std::erase_if(page.records,
                    [&](const RecordPtr& record) { return !request.filter(*record); });
    }
    if (!page.records.empty() || !page.more) return page;
  }
}

Result<std::unique_ptr<ListCursor>> OpenListInVersion(Store& store, const KindInfo& kind,
                                                      const ListRequest& request) {
  if (!MayConvert(kind)) return store.OpenList(request);
  if (!request.filter) {
    auto kept = TRY(store.OpenList(request));
    return std::make_unique<ListAsVersion>(std::move(kept), kind);
  }
  const bool is_whole = request.limit == 0;
  return OpenPagedList(
      [&store, &kind, is_whole](const ListRequest& page) {
        return is_whole ? PageInVersion(store, kind, page, kVersionPageBytes)
                        : SelectInVersion(store, kind, page);
      },
      request);
}

}  // namespace skiff
