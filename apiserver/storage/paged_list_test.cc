// How much of a list is held that is read page by page.
#include "apiserver/storage/paged_list.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace skiff {
namespace {

// Records of a megabyte each, and what was asked of them.
class LargeRecords {
 public:
  explicit LargeRecords(int count) {
    const std::string value(1 << 20, 'v');
    for (int i = 0; i < count; ++i) {
      records_.push_back(std::make_shared<const Record>(
          Record{.key = fmt::format("/p/{:02}", i), .value = value}));
    }
  }
  Result<ListPage> List(const ListRequest& request) {
    ListPage page{.revision = Revision{7}};
    size_t bytes = 0;
    for (const RecordPtr& record : records_) {
      if (record->key <= request.start_after) continue;
      const bool is_full = (request.limit != 0 && page.records.size() == request.limit) ||
                           (request.bytes_max != 0 && bytes >= request.bytes_max);
      if (is_full) {
        page.more = true;
        ++page.remaining;
        continue;
      }
      bytes += record->value.size();
      page.records.push_back(record);
    }
    largest = std::max(largest, page.records.size());
    read += page.records.size();
    return page;
  }
  ListFunction function() {
    return [this](const ListRequest& request) { return List(request); };
  }

  size_t largest = 0;
  size_t read = 0;

 private:
  std::vector<RecordPtr> records_;
};

size_t CountOf(ListCursor& cursor) {
  std::vector<RecordPtr> records;
  for (bool more = true; more;) more = cursor.Next(1, records).value();
  return records.size();
}

TEST(PagedListTest, OfLargeRecordsFewAreHeld) {
  LargeRecords large(40);
  const auto whole = OpenPagedList(large.function(), {.prefix = "/p/"});
  ASSERT_TRUE(whole);
  EXPECT_EQ(CountOf(**whole), 40u);
  EXPECT_EQ(large.largest, 1u);
  EXPECT_EQ(large.read, 40u);
}

TEST(PagedListTest, APageIsReadToItsEndWithoutBeingHeld) {
  LargeRecords large(40);
  const auto page = OpenPagedList(large.function(), {.prefix = "/p/", .limit = 30});
  ASSERT_TRUE(page);
  EXPECT_TRUE((*page)->more());
  EXPECT_EQ((*page)->last_key(), "/p/29");
  EXPECT_EQ((*page)->remaining(), 10u);
  EXPECT_EQ(CountOf(**page), 30u);
  EXPECT_EQ(large.largest, 4u);
  (*page)->Rewind(3);
  EXPECT_EQ(CountOf(**page), 27u);
}

TEST(PagedListTest, WhereItsEndIsKnownNothingIsReadTwice) {
  LargeRecords large(40);
  std::vector<ListRequest> asked;
  const auto page = OpenPagedList(
      large.function(), {.prefix = "/p/", .limit = 30},
      [&](const ListRequest& request) -> Result<ListEnd> {
        asked.push_back(request);
        return ListEnd{.count = 30, .last_key = "/p/29", .more = true, .remaining = 10};
      });
  ASSERT_TRUE(page);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].at, Revision{7});
  EXPECT_EQ((*page)->last_key(), "/p/29");
  EXPECT_EQ(CountOf(**page), 30u);
  EXPECT_EQ(large.read, 30u);
}

}  // namespace
}  // namespace skiff
