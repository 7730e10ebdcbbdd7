#include "apiserver/storage/record_cache.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

RecordPtr MakeRecord(uint64_t revision, const std::string& key = "/a") {
  return std::make_shared<Record>(
      Record{.key = key, .value = std::string(1000, 'x'), .created = {}, .modified = {revision}});
}

TEST(RecordCache, TheLeastRecentlyUsedGoesFirst) {
  RecordCache cache(3 * RecordBytes(*MakeRecord(1)));
  for (uint64_t revision = 1; revision <= 3; ++revision) cache.Insert(MakeRecord(revision));
  ASSERT_TRUE(cache.Find(Revision{1}));
  cache.Insert(MakeRecord(4));
  EXPECT_TRUE(cache.Find(Revision{1}));
  EXPECT_FALSE(cache.Find(Revision{2}));
  EXPECT_TRUE(cache.Find(Revision{3}));
  EXPECT_TRUE(cache.Find(Revision{4}));
  EXPECT_EQ(cache.bytes(), 3 * RecordBytes(*MakeRecord(1)));
}

TEST(RecordCache, AScanTakesOnlyRoomThatIsFree) {
  RecordCache cache(2 * RecordBytes(*MakeRecord(1)));
  cache.InsertIfRoom(MakeRecord(1), cache.clears());
  cache.InsertIfRoom(MakeRecord(2), cache.clears());
  cache.InsertIfRoom(MakeRecord(3), cache.clears());
  const Revision asked[] = {{1}, {2}, {3}};
  const auto found = cache.FindMany(asked);
  EXPECT_TRUE(found[0]);
  EXPECT_TRUE(found[1]);
  EXPECT_FALSE(found[2]);
}

TEST(RecordCache, WhatWasReadBeforeItWasClearedIsNotKept) {
  RecordCache cache(1 << 20);
  const uint64_t clears = cache.clears();
  cache.Clear();
  cache.Insert(MakeRecord(1), clears);
  cache.InsertIfRoom(MakeRecord(2), clears);
  EXPECT_FALSE(cache.Find(Revision{1}));
  EXPECT_FALSE(cache.Find(Revision{2}));
  cache.Insert(MakeRecord(1), cache.clears());
  EXPECT_TRUE(cache.Find(Revision{1}));
}

TEST(RecordCache, SharesOneCopy) {
  RecordCache cache(1 << 20);
  const auto record = MakeRecord(1);
  cache.Insert(record);
  cache.Insert(MakeRecord(1));
  EXPECT_EQ(cache.Find(Revision{1}), record);
  EXPECT_EQ(cache.bytes(), RecordBytes(*record));
}

TEST(RecordCache, WhatIsNotUsedForAWhileGoes) {
  const size_t each = RecordBytes(*MakeRecord(1));
  RecordCache cache(1200 * each);
  for (uint64_t revision = 1; revision <= 1000; ++revision) cache.Insert(MakeRecord(revision));
  cache.Age();
  EXPECT_EQ(cache.bytes(), 1000 * each) << "all were used a moment ago";
  for (uint64_t revision = 301; revision <= 700; ++revision) cache.Find(Revision{revision});
  cache.Age();
  EXPECT_EQ(cache.bytes(), 400 * each);
  EXPECT_FALSE(cache.Find(Revision{300}));
  EXPECT_TRUE(cache.Find(Revision{301}));
  cache.Age();
  cache.Age();
  EXPECT_EQ(cache.bytes(), 300 * each) << "a quarter stays";
  EXPECT_TRUE(cache.Find(Revision{301})) << "what was used last";
}

TEST(RecordCache, WhatIsErasedMakesRoom) {
  const size_t each = RecordBytes(*MakeRecord(1));
  RecordCache cache(2 * each);
  for (uint64_t revision = 1; revision <= 2; ++revision) cache.Insert(MakeRecord(revision));
  cache.Erase(*MakeRecord(2));
  cache.Erase(*MakeRecord(9));
  EXPECT_EQ(cache.bytes(), each);
  EXPECT_FALSE(cache.Find(Revision{2}));
  cache.Insert(MakeRecord(3));
  EXPECT_TRUE(cache.Find(Revision{1}));
}

TEST(RecordCache, KeysThatOneRevisionChangedAreToldApart) {
  const size_t each = RecordBytes(*MakeRecord(1));
  RecordCache cache(3 * each);
  for (const char* key : {"/a", "/b", "/b"}) cache.Insert(MakeRecord(7, key));
  cache.Insert(MakeRecord(8, "/c"));
  EXPECT_EQ(cache.bytes(), 3 * each);
  KeyTexts keys;
  for (const char* key : {"/b", "/none", "/a", "/c", "/a"}) keys.Add(key);
  const Revision asked[] = {{7}, {7}, {7}, {8}, {8}};
  std::string found;
  for (const RecordPtr& record : cache.FindMany(asked, keys)) found += record ? record->key : "-";
  EXPECT_EQ(found, "/b-/a/c-");
  cache.Erase(*MakeRecord(7, "/b"));
  EXPECT_FALSE(cache.Find(Revision{7}, "/b"));
  EXPECT_TRUE(cache.Find(Revision{7}, "/a"));
  for (const uint64_t revision : {9U, 10U}) cache.Insert(MakeRecord(revision));
  EXPECT_FALSE(cache.Find(Revision{8}, "/c")) << "used before the other one was";
  EXPECT_TRUE(cache.Find(Revision{7}, "/a"));
}

TEST(RecordCache, OfNoSizeHoldsNothing) {
  RecordCache cache(0);
  cache.Insert(MakeRecord(1));
  EXPECT_FALSE(cache.Find(Revision{1}));
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(RecordCache, WhatIsAttachedStaysForMomentsAlone) {
  struct Nothing final : Attached {
    void StoredAt(Revision) override {}
  };
  RecordCache cache(64 << 20);
  std::vector<std::weak_ptr<const Attached>> attached;
  for (uint64_t revision = 1; revision <= RecordCache::kAttachedMax + 1; ++revision) {
    const auto nothing = std::make_shared<Nothing>();
    Record record = *MakeRecord(revision);
    record.attached = nothing;
    attached.push_back(nothing);
    cache.Insert(std::make_shared<Record>(std::move(record)));
  }
  EXPECT_TRUE(attached[0].expired());
  EXPECT_FALSE(attached[1].expired());
  EXPECT_FALSE(attached.back().expired());
  cache.Age();
  EXPECT_TRUE(attached.back().expired());
  EXPECT_TRUE(cache.Find(Revision{2})) << "but not the record";
}

}  // namespace
}  // namespace skiff
