// Of the contract of stores: lists that are read piece by piece.
#include <fmt/format.h>

#include "apiserver/storage/store_contract.h"

namespace skiff {

// Read piece by piece, and again from every place, it is the same list.
void StoreContract::ExpectSame(const ListPage& page, ListCursor& cursor,
                               const ListRequest& request) {
  EXPECT_EQ(cursor.revision(), page.revision);
  EXPECT_EQ(cursor.more(), page.more);
  if (request.count_remaining) {
    EXPECT_EQ(cursor.remaining(), page.remaining);
  }
  if (page.more) {
    EXPECT_EQ(cursor.last_key(), page.records.back()->key);
  }
  for (size_t skip = 0; skip <= page.records.size(); ++skip) {
    std::vector<RecordPtr> records;
    for (bool more = true; more;) {
      const auto next = cursor.Next(1, records);
      ASSERT_TRUE(next) << next.error().message;
      more = *next;
    }
    const auto first = page.records.begin() + static_cast<ptrdiff_t>(skip == 0 ? 0 : skip - 1);
    EXPECT_EQ(Text(records), Text({first, page.records.end()}));
    cursor.Rewind(skip);
  }
}

namespace {

TEST_P(StoreContract, AListThatIsReadSlowlyIsNotDisturbedByWrites) {
  for (int i = 0; i < 300; ++i) Put(fmt::format("/p/{:03}", i), "v");
  const std::string all = List({.prefix = "/p/"});
  const auto cursor = store().OpenList({.prefix = "/p/"});
  ASSERT_TRUE(cursor);
  std::vector<RecordPtr> records;
  ASSERT_TRUE((*cursor)->Next(1, records));
  Delete("/p/299");
  Put("/p/150", "changed");
  Put("/p/1505", "new");
  for (bool more = true; more;) more = (*cursor)->Next(1, records).value();
  EXPECT_EQ(Text(records), all);
}

TEST_P(StoreContract, AListThatIsReadTooSlowlyExpiresOrIsWhole) {
  for (int i = 0; i < 300; ++i) Put(fmt::format("/p/{:03}", i), "v");
  const std::string all = List({.prefix = "/p/"});
  const auto cursor = store().OpenList({.prefix = "/p/"});
  ASSERT_TRUE(cursor);
  std::vector<RecordPtr> records;
  ASSERT_TRUE((*cursor)->Next(1, records));
  Delete("/p/299");
  ASSERT_TRUE(store().Compact(store().Current()));
  Result<bool> next = true;
  while (next && *next) next = (*cursor)->Next(1, records);
  if (next) {
    EXPECT_EQ(Text(records), all);
  } else {
    EXPECT_EQ(next.error().reason, Reason::kExpired);
  }
}

}  // namespace
}  // namespace skiff
