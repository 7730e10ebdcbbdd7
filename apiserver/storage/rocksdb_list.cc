// Lists of the embedded store that are read piece by piece. Which versions are in one is known from
// the start; each is read when it is wanted, under its own number, and nothing is kept from being
// compacted for it.
#include <algorithm>
#include <deque>
#include <span>

#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/store_answers.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// How many versions are looked for in the cache at a time.
constexpr size_t kFindSlice = 16;
// What a Next looks at before it returns with nothing.
constexpr size_t kLookedMax = 512;
// Of records that had to be read to find out where a page ends: what is not read again.
constexpr size_t kKeptBytesMax = 256 << 10;
// What is looked at where nobody may wait.
constexpr size_t kAtOnceKeysMax = 64;

}  // namespace

class RocksdbStore::Listing final : public ListCursor {
 public:
  struct Extent {
    std::vector<Revision> versions;  // In key order.
    uint64_t remaining = 0;          // Keys behind these.
    Revision revision;
    std::string last_key;
    size_t selected = 0;  // So many of the versions are known to pass the filter,
    std::deque<RecordPtr> kept = {};  // and of so many the records are at hand.
  };
  Listing(RocksdbStore& store, const ListRequest& request, Extent extent)
      : store_(store),
        filter_(request.filter),
        limit_(request.limit),
        extent_(std::move(extent)),
        selected_(filter_ ? extent_.selected : extent_.versions.size()),
        kept_(std::move(extent_.kept)) {}

  Revision revision() const override { return extent_.revision; }
  bool more() const override { return limit_ != 0 && extent_.remaining > 0; }
  uint64_t remaining() const override { return extent_.remaining; }
  const std::string& last_key() const override { return extent_.last_key; }

  Result<bool> Next(size_t bytes_max, std::vector<RecordPtr>& out) override {
    TRY(Look(SIZE_MAX, bytes_max, out));
    return next_ < extent_.versions.size();
  }

  void Rewind(size_t skip) override {
    auto& versions = extent_.versions;
    // What the filter refused is not looked at again.
    if (selected_ < next_) versions.erase(versions.begin() + static_cast<ptrdiff_t>(selected_),
                                          versions.begin() + static_cast<ptrdiff_t>(next_));
    next_ = skip;
  }

  // Finds out where the page ends.
  Result<> Select() {
    std::vector<RecordPtr> records;
    while (next_ < extent_.versions.size() && selected_ < limit_) {
      records.clear();
      TRY(Look(limit_ - selected_, kKeptBytesMax, records));
      if (!records.empty()) extent_.last_key = records.back()->key;
      Keep(records);
    }
    extent_.remaining += extent_.versions.size() - next_;
    extent_.versions.resize(next_);
    Rewind(0);
    return {};
  }

 private:
  Result<> Look(size_t records_max, size_t bytes_max, std::vector<RecordPtr>& out) {
    size_t bytes = 0;
    size_t taken = 0;
    const size_t end = std::min(extent_.versions.size(), next_ + kLookedMax);
    while (next_ < end && bytes < bytes_max && taken < records_max) {
      const auto slice =
          std::span(extent_.versions).subspan(next_).first(std::min(kFindSlice, end - next_));
      const auto cached = store_.cache_.FindMany(slice);
      for (size_t i = 0; i < slice.size() && bytes < bytes_max && taken < records_max; ++i) {
        RecordPtr record = next_ < kept_.size() ? kept_[next_] : cached[i];
        if (!record) record = TRY(Read(slice[i]));
        if (!IsSelected(*record)) {
          ++next_;
          continue;
        }
        bytes += record->value.size();
        ++taken;
        out.push_back(std::move(record));
      }
    }
    return {};
  }

  // Whether the record at next_ is one of the list. Moves what is known of it on.
  bool IsSelected(const Record& record) {
    if (next_ >= selected_) {
      if (!filter_(record)) return false;
      // Those that are selected stand together, in front.
      extent_.versions[selected_++] = record.modified;
    }
    ++next_;
    return true;
  }

  Result<RecordPtr> Read(Revision version) {
    if (!MayWait()) return Fail(WouldWait());
    const uint64_t clears = store_.cache_.clears();
    RecordPtr record = store_.Opened(TRY(store_.disk_->Newest().Read(version)));
    if (record) {
      // Who lists few asks for them again, as one of a label does.
      if (extent_.versions.size() <= kAtOnceKeysMax) {
        store_.cache_.Insert(record, clears);
      } else {
        store_.cache_.InsertIfRoom(record, clears);
      }
      return record;
    }
    if (store_.Compacted() > extent_.revision) return Fail(ListExpired());
    return Fail(Reason::kInternalError, "storage is corrupt: revision " +
                                            std::to_string(version.value) + " is missing");
  }

  void Keep(const std::vector<RecordPtr>& records) {
    for (const RecordPtr& record : records) {
      if (kept_bytes_ >= kKeptBytesMax) return;
      kept_bytes_ += record->value.size();
      kept_.push_back(record);
    }
  }

  RocksdbStore& store_;
  const std::function<bool(const Record&)> filter_;
  const size_t limit_;
  Extent extent_;
  // The versions before this are in the list; those from there to next_ are not.
  size_t selected_;
  size_t next_ = 0;
  std::deque<RecordPtr> kept_;  // The first ones.
  size_t kept_bytes_ = 0;
};

Result<std::unique_ptr<ListCursor>> RocksdbStore::OpenList(const ListRequest& request) {
  if (IsAtOnce()) return TRY(OpenAtOnce(request));
  if (request.at.value != 0) TRY(CheckReadable(request.at));
  if (request.at.value == 0 || request.at == Current()) {
    auto newest = TRY(OpenNewest(request));
    if (newest != nullptr) return newest;
  }
  return TRY(OpenAt(request, request.at.value != 0 ? request.at : Current()));
}

// Few records, all of which are in memory.
Result<std::unique_ptr<RocksdbStore::Listing>> RocksdbStore::OpenAtOnce(
    const ListRequest& request) {
  std::optional<KeyIndex::Range> range;
  if (request.at.value == 0) range = index_.CollectFew(request, kAtOnceKeysMax);
  std::vector<RecordPtr> records;
  if (range) records = cache_.FindMany(range->versions);
  if (!range || std::ranges::count(records, nullptr) > 0) {
    (void)MayWait();
    return Fail(WouldWait());
  }
  Listing::Extent extent{.remaining = range->remaining, .revision = range->revision};
  for (size_t i = 0; i < records.size(); ++i) {
    if (request.limit != 0 && extent.kept.size() == request.limit) {
      extent.remaining += records.size() - i;
      break;
    }
    if (request.filter && !request.filter(*records[i])) continue;
    extent.versions.push_back(records[i]->modified);
    extent.last_key = records[i]->key;
    extent.kept.push_back(records[i]);
  }
  extent.selected = extent.versions.size();
  return std::make_unique<Listing>(*this, request, std::move(extent));
}

// nullptr when the state moved on before it was read.
Result<std::unique_ptr<RocksdbStore::Listing>> RocksdbStore::OpenNewest(
    const ListRequest& request) {
  auto range = TRY(Collect(request));
  if (request.at.value != 0 && range.revision != request.at) return nullptr;
  auto listing = std::make_unique<Listing>(
      *this, request,
      Listing::Extent{.versions = std::move(range.versions),
                      .remaining = range.remaining,
                      .revision = range.revision,
                      .last_key = std::move(range.last_key)});
  if (request.filter && request.limit != 0) TRY(listing->Select());
  return listing;
}

Result<std::unique_ptr<RocksdbStore::Listing>> RocksdbStore::OpenAt(const ListRequest& request,
                                                                    Revision at) {
  const auto view = disk_->Newest();
  Listing::Extent extent{.revision = at};
  const bool selects = request.filter && request.limit != 0;
  const auto visit = [&](std::string_view key, Revision version) -> Result<bool> {
    if (request.limit != 0 && extent.versions.size() == request.limit) {
      ++extent.remaining;
      return request.count_remaining;
    }
    if (selects && !request.filter(*TRY(LoadAt(view, version, at)))) return true;
    extent.versions.push_back(version);
    if (extent.versions.size() == request.limit) extent.last_key = key;
    return true;
  };
  TRY(view.WalkKeys(request.prefix, request.start_after, at, visit));
  // What is readable afterwards was all there.
  TRY(CheckReadable(at));
  if (selects) extent.selected = extent.versions.size();
  return std::make_unique<Listing>(*this, request, std::move(extent));
}

}  // namespace skiff
