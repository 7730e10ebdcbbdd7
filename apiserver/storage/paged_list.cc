#include "apiserver/storage/paged_list.h"

#include <algorithm>

namespace skiff {
namespace {

// Of a page, about.
constexpr size_t kPageBytes = 512 << 10;
// Of the first one of a list with a limit: few such lists have more.
constexpr size_t kBeginningBytes = 4 << 20;
constexpr size_t kFirstPageRecords = 64;
constexpr size_t kPageRecordsMax = 1024;

// Holds one page.
class PagedList final : public ListCursor {
 public:
  PagedList(ListFunction list, const ListRequest& request)
      : list_(std::move(list)), request_(request) {}

  // Before anything else.
  Result<> Open(const ListEndFunction& end) {
    ListRequest first = request_;
    if (!IsCut()) first.bytes_max = IsWhole() ? kPageBytes : kBeginningBytes;
    if (IsWhole()) first.limit = kFirstPageRecords;
    ListPage page = TRY(list_(first));
    revision_ = page.revision;
    if (IsWhole()) {
      TakePage(std::move(page));
      return {};
    }
    end_ = {.count = page.records.size(), .more = page.more, .remaining = page.remaining};
    if (!page.records.empty()) end_.last_key = page.records.back()->key;
    if (!IsCut() && end_.more && end_.count > 0 && end_.count < request_.limit) {
      TRY(FindEnd(end));
    }
    TakePage(std::move(page));
    return {};
  }

  Revision revision() const override { return revision_; }
  bool more() const override { return end_.more; }
  uint64_t remaining() const override { return end_.remaining; }
  const std::string& last_key() const override { return end_.last_key; }

  Result<bool> Next(size_t bytes_max, std::vector<RecordPtr>& out) override {
    while (taken_ == page_.size() && left_) TRY(ReadPage());
    for (size_t bytes = 0; bytes < bytes_max && taken_ < page_.size(); ++taken_) {
      bytes += page_[taken_]->value.size();
      out.push_back(page_[taken_]);
    }
    return taken_ < page_.size() || left_;
  }

  void Rewind(size_t skip) override {
    if (skip >= first_ && skip - first_ <= page_.size()) {
      taken_ = skip - first_;
      skip_ = 0;
      return;
    }
    page_.clear();
    first_ = taken_ = 0;
    skip_ = skip;
    last_key_.clear();
    left_ = true;
  }

 private:
  bool IsCut() const { return request_.bytes_max != 0; }
  bool IsWhole() const { return request_.limit == 0 && !IsCut(); }

  ListRequest PageBehind(const std::string& key) const {
    ListRequest next = request_;
    next.at = revision_;
    next.bytes_max = kPageBytes;
    if (!key.empty()) next.start_after = key;
    return next;
  }

  // Of a list that the first page is not all of.
  Result<> FindEnd(const ListEndFunction& end) {
    if (end && !request_.filter) {
      ListRequest all = request_;
      all.at = revision_;
      end_ = TRY(end(all));
      return {};
    }
    while (end_.more && end_.count < request_.limit) {
      ListRequest next = PageBehind(end_.last_key);
      next.limit = request_.limit - end_.count;
      const ListPage page = TRY(list_(next));
      end_.more = page.more;
      end_.remaining = page.remaining;
      if (page.records.empty()) return {};
      end_.count += page.records.size();
      end_.last_key = page.records.back()->key;
    }
    return {};
  }

  Result<> ReadPage() {
    ListRequest next = PageBehind(last_key_);
    next.limit = page_records_;
    if (!IsWhole()) next.limit = std::min(next.limit, end_.count - first_ - page_.size());
    next.count_remaining = false;
    ListPage page = TRY(list_(next));
    TakePage(std::move(page));
    return {};
  }

  void TakePage(ListPage page) {
    first_ += page_.size();
    page_ = std::move(page.records);
    taken_ = std::min(skip_, page_.size());
    skip_ -= taken_;
    left_ = page.more && !page_.empty() && (IsWhole() || first_ + page_.size() < end_.count);
    if (page_.empty()) return;
    last_key_ = page_.back()->key;
    size_t bytes = 1;
    for (const RecordPtr& record : page_) bytes += record->value.size();
    page_records_ = std::clamp<size_t>(kPageBytes * page_.size() / bytes, 1, kPageRecordsMax);
  }

  const ListFunction list_;
  const ListRequest request_;
  Revision revision_;
  ListEnd end_;  // Of a list with a limit.
  std::vector<RecordPtr> page_;
  size_t first_ = 0;      // So many are before the page,
  size_t taken_ = 0;      // and so many of it were returned.
  size_t skip_ = 0;       // Of what is read next.
  bool left_ = false;     // There are pages behind this one.
  std::string last_key_;  // Of the page.
  size_t page_records_ = kFirstPageRecords;
};

}  // namespace

Result<std::unique_ptr<ListCursor>> OpenPagedList(ListFunction list, const ListRequest& request,
                                                  ListEndFunction end) {
  auto paged = std::make_unique<PagedList>(std::move(list), request);
  TRY(paged->Open(end));
  return paged;
}

Result<std::unique_ptr<ListCursor>> Store::OpenList(const ListRequest& request) {
  return OpenPagedList([this](const ListRequest& page) { return List(page); }, request);
}

}  // namespace skiff
