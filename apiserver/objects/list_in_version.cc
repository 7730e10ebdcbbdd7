#include "apiserver/objects/list_in_version.h"

#include <algorithm>

#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/paged_list.h"

namespace skiff {
namespace {

constexpr size_t kRecordsAtOnce = 500;
// Of what is read at a time.
constexpr size_t kVersionPageBytes = 1 << 20;

// Takes what the filter wants of a page; false once there are as many as were asked for.
bool TakeWanted(const ListRequest& request, const ListPage& from, ListPage& page) {
  for (size_t i = 0; i < from.records.size(); ++i) {
    if (!request.filter(*from.records[i])) continue;
    page.records.push_back(from.records[i]);
    if (request.limit == 0 || page.records.size() < request.limit) continue;
    page.more = from.more || i + 1 < from.records.size();
    return false;
  }
  return true;
}

}  // namespace

Result<ListPage> ListInVersion(Store& store, const KindInfo& kind, const ListRequest& request) {
  if (!IsConvertedByWebhook(kind)) return store.List(request);
  if (!MayConvert(kind)) {
    ListPage page = TRY(store.List(request));
    const bool is_all = std::ranges::none_of(
        page.records, [&](const RecordPtr& record) { return NeedsConversion(kind, *record); });
    if (is_all) return page;
    MeetOthers(kind);
  }
  if (!request.filter) {
    ListPage page = TRY(store.List(request));
    page.records = TRY(InVersion(kind, std::move(page.records)));
    return page;
  }
  ListRequest all = request;
  all.filter = {};
  all.terms = {};
  all.limit = kRecordsAtOnce;
  ListPage page;
  for (;;) {
    ListPage next = TRY(PageOf(store, all, kVersionPageBytes));
    page.revision = all.at = next.revision;
    next.records = TRY(InVersion(kind, std::move(next.records)));
    if (!TakeWanted(request, next, page) || !next.more) return page;
    all.start_after = next.records.back()->key;
  }
}

Result<ListPage> PageOf(Store& store, const ListRequest& request, size_t bytes_max) {
  const auto cursor = TRY(store.OpenList(request));
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
  const bool is_whole = request.limit == 0;
  return OpenPagedList(
      [&store, &kind, is_whole](const ListRequest& page) {
        return is_whole ? PageInVersion(store, kind, page, kVersionPageBytes)
                        : ListInVersion(store, kind, page);
      },
      request);
}

}  // namespace skiff
