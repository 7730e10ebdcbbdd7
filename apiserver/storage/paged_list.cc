#include "apiserver/storage/paged_list.h"

#include <algorithm>

namespace skiff {
namespace {

// Of a page, about; the first one is bounded in records alone.
constexpr size_t kPageBytes = 256 << 10;
constexpr size_t kFirstPageRecords = 64;
constexpr size_t kPageRecordsMin = 16;
constexpr size_t kPageRecordsMax = 1024;

class PagedList final : public ListCursor {
 public:
  PagedList(ListFunction list, ListRequest request, ListPage first)
      : list_(std::move(list)), request_(std::move(request)), page_(std::move(first)) {
    revision_ = page_.revision;
    more_ = request_.limit != 0 && page_.more;
    if (!page_.records.empty()) last_key_ = page_.records.back()->key;
  }

  Revision revision() const override { return revision_; }
  bool more() const override { return more_; }
  uint64_t remaining() const override { return page_.remaining; }
  const std::string& last_key() const override { return last_key_; }

  Result<bool> Next(size_t bytes_max, std::vector<RecordPtr>& out) override {
    if (taken_ == page_.records.size() && HasPages()) TRY(ReadPage());
    for (size_t bytes = 0; bytes < bytes_max && taken_ < page_.records.size(); ++taken_) {
      bytes += page_.records[taken_]->value.size();
      out.push_back(page_.records[taken_]);
    }
    return taken_ < page_.records.size() || HasPages();
  }

  void Rewind(size_t skip) override {
    if (request_.limit != 0) {
      taken_ = skip;
      return;
    }
    again_ = true;
    skip_ = skip;
    taken_ = page_.records.size();
  }

 private:
  bool HasPages() const { return request_.limit == 0 && (again_ || page_.more); }

  Result<> ReadPage() {
    ListRequest next = request_;
    next.at = revision_;
    next.limit = page_records_;
    if (!std::exchange(again_, false)) next.start_after = page_.records.back()->key;
    page_ = TRY(list_(next));
    taken_ = std::min(skip_, page_.records.size());
    skip_ -= taken_;
    size_t bytes = 1;
    for (const RecordPtr& record : page_.records) bytes += record->value.size();
    const size_t fitting = kPageBytes * page_.records.size() / bytes;
    page_records_ = std::clamp(fitting, kPageRecordsMin, kPageRecordsMax);
    return {};
  }

  const ListFunction list_;
  const ListRequest request_;
  ListPage page_;
  size_t taken_ = 0;  // Of the page.
  size_t skip_ = 0;   // Of what follows.
  bool again_ = false;
  size_t page_records_ = kFirstPageRecords;
  Revision revision_;
  bool more_ = false;
  std::string last_key_;
};

}  // namespace

Result<std::unique_ptr<ListCursor>> OpenPagedList(ListFunction list, const ListRequest& request) {
  ListRequest first = request;
  if (first.limit == 0) first.limit = kFirstPageRecords;
  ListPage page = TRY(list(first));
  return std::make_unique<PagedList>(std::move(list), request, std::move(page));
}

Result<std::unique_ptr<ListCursor>> Store::OpenList(const ListRequest& request) {
  return OpenPagedList([this](const ListRequest& page) { return List(page); }, request);
}

}  // namespace skiff
