// Of the contract of stores: lists that are read piece by piece.
#include <fmt/format.h>

#include <algorithm>

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

TEST_P(StoreContract, CountsWhatItHasHeardOf) {
  EXPECT_EQ(store().CountAny("/p/").value(), 0u);
  for (int i = 0; i < 300; ++i) Put(fmt::format("/p/{:03}", i), "v");
  Put("/q/1", "v");
  Put("/p/150", "changed");
  Delete("/p/299");
  EXPECT_EQ(store().CountAny("/p/").value(), 299u);
  EXPECT_EQ(store().CountAny("/p/1").value(), 100u);
  EXPECT_EQ(store().CountAny("/r/").value(), 0u);
}

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

TEST_P(StoreContract, APageOfLargeValuesEndsWhereItsLimitSays) {
  const std::string large(300'000, 'v');
  for (int i = 0; i < 30; ++i) Put(fmt::format("/p/{:02}", i), fmt::format("{:02}{}", i, large));
  const auto read = [&](ListRequest request) {
    std::vector<std::string> keys;
    const auto cursor = store().OpenList(request);
    EXPECT_TRUE(cursor);
    if (!cursor) return keys;
    // Once more from the middle, as who has looked first does.
    for (const size_t skip : {0, 11}) {
      (*cursor)->Rewind(skip);
      keys.resize(std::min(skip, keys.size()));
      std::vector<RecordPtr> records;
      for (bool more = true; more;) more = (*cursor)->Next(1 << 20, records).value();
      for (const RecordPtr& record : records) {
        EXPECT_EQ(record->value.substr(0, 2), record->key.substr(3));
        keys.push_back(record->key);
      }
    }
    EXPECT_TRUE((*cursor)->more());
    EXPECT_EQ((*cursor)->last_key(), keys.empty() ? "" : keys.back());
    if (request.count_remaining) {
      EXPECT_EQ((*cursor)->remaining(), 30 - keys.size());
    }
    return keys;
  };
  const Revision now = store().Current();
  const auto page = read({.prefix = "/p/", .limit = 25, .count_remaining = true});
  ASSERT_EQ(page.size(), 25u);
  EXPECT_EQ(page.back(), "/p/24");
  const auto few = [](const Record& record) { return record.key.back() != '3'; };
  const auto selected = read({.prefix = "/p/", .limit = 20, .filter = few});
  ASSERT_EQ(selected.size(), 20u);
  EXPECT_EQ(selected.back(), "/p/21");
  // The same of the state before.
  Delete("/p/05");
  EXPECT_EQ(read({.prefix = "/p/", .at = now, .limit = 25, .count_remaining = true}), page);
  EXPECT_EQ(read({.prefix = "/p/", .at = now, .limit = 20, .filter = few}), selected);
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
