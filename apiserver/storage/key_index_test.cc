#include "apiserver/storage/key_index.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

std::vector<uint64_t> Numbers(const KeyIndex::Range& range) {
  std::vector<uint64_t> numbers;
  for (const Revision revision : range.versions) numbers.push_back(revision.value);
  return numbers;
}

class KeyIndexTest : public testing::Test {
 protected:
  KeyIndexTest() {
    const std::vector<KeyIndex::Change> changes = {
        {"/b/1", {2}}, {"/b/3", {3}}, {"/a/1", {4}}, {"/b/2", {5}}, {"/c", {6}}};
    index_.Publish(changes, Revision{6});
  }
  KeyIndex index_{Revision{1}};
};

TEST_F(KeyIndexTest, KnowsTheNewestVersionOfEachKey) {
  EXPECT_EQ(index_.Find("/b/3"), Revision{3});
  const KeyIndex::Change changed{"/b/3", {7}};
  index_.Publish({&changed, 1}, Revision{7});
  EXPECT_EQ(index_.Find("/b/3"), Revision{7});
  EXPECT_EQ(index_.Current(), Revision{7});
  EXPECT_EQ(index_.Find("/b"), std::nullopt);
}

TEST_F(KeyIndexTest, ForgetsDeletedKeys) {
  const std::vector<KeyIndex::Change> changes = {{"/b/3", {}}, {"/none", {}}};
  index_.Publish(changes, Revision{7});
  EXPECT_EQ(index_.Find("/b/3"), std::nullopt);
  EXPECT_EQ(Numbers(index_.Collect("/b/", "", 0, false)), (std::vector<uint64_t>{2, 5}));
}

TEST_F(KeyIndexTest, CollectsInOrderOfKeysAndCountsTheRest) {
  const auto page = index_.Collect("/b/", "", 2, true);
  EXPECT_EQ(Numbers(page), (std::vector<uint64_t>{2, 5}));
  EXPECT_EQ(page.remaining, 1u);
  EXPECT_EQ(page.revision, Revision{6});
  EXPECT_EQ(Numbers(index_.Collect("/b/", "/b/2", 2, true)), (std::vector<uint64_t>{3}));
  EXPECT_EQ(index_.Collect("", "", 1, true).remaining, 4u);
  EXPECT_EQ(index_.Collect("", "", 1, false).remaining, 1u) << "more than none, not counted";
}

}  // namespace
}  // namespace skiff
