#include "apiserver/storage/key_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "apiserver/storage/record_header.h"

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

TEST_F(KeyIndexTest, GivesTheKeysOfARangeToWhomRevisionsDoNotNameThem) {
  EXPECT_EQ(index_.Collect("/b/", "", 0, false).keys.size(), 0u);
  KeyIndex index{Revision{1}, KeyIndex::Keys::kGiven};
  const std::vector<KeyIndex::Change> changes = {{"/b/1", {2}}, {"/b/2", {2}}, {"/c", {2}}};
  index.Publish(changes, Revision{2});
  const auto range = index.Collect("/b/", "", 0, false);
  EXPECT_EQ(Numbers(range), (std::vector<uint64_t>{2, 2}));
  ASSERT_EQ(range.keys.size(), 2u);
  EXPECT_EQ(range.keys[0], "/b/1");
  EXPECT_EQ(range.keys[1], "/b/2");
}

TEST(KeyIndexCounts, TheRestAreCountedAsByAWalkWhateverCameAndWent) {
  std::mt19937 random(1);
  KeyIndex index{Revision{1}};
  std::set<std::string> there;
  const auto key = [&] {
    return "/" + std::to_string(random() % 3) + "/" + std::to_string(random() % 2000);
  };
  for (uint64_t revision = 2; revision < 20'000; ++revision) {
    const std::string changed = key();
    // More come than go, and later the other way round.
    const bool goes = random() % 10 < (revision < 10'000 ? 2 : 8);
    goes ? (void)there.erase(changed) : (void)there.insert(changed);
    const KeyIndex::Change change{changed, Revision{goes ? 0 : revision}};
    index.Publish({&change, 1}, Revision{revision});
    if (revision % 20 != 0) continue;
    const std::string prefix = random() % 2 == 0 ? "/1/" : "/";
    const std::string after = random() % 2 == 0 ? key() : "";
    const auto behind = std::ranges::count_if(
        there, [&](const std::string& each) { return each.starts_with(prefix) && each > after; });
    const auto expected = static_cast<uint64_t>(std::max<std::ptrdiff_t>(0, behind - 2));
    ASSERT_EQ(index.Collect(prefix, after, 2, true).remaining, expected) << revision;
  }
  std::map<std::string, Revision, std::less<>> others;
  for (int i = 0; i < 1000; ++i) others["/o/" + std::to_string(i)] = Revision{7};
  index.Replace(others, Revision{30'000});
  EXPECT_EQ(index.Collect("/o/", "", 1, true).remaining, 999u);
}

std::string Labelled(const std::string& value) {
  const ObjectBody body{"{}"};
  const std::vector<NamedText> labels = {{"app", value}, {"all", "same"}};
  return EncodeObject({.labels = labels, .fields = {}, .uid = "", .body = body}).value;
}

ListRequest::Terms App(const std::vector<std::string>& values) {
  ListRequest::Terms terms{.resource = "/r/pods/", .groups = {{LabelIndexTerm("all", "same")}, {}}};
  for (const auto& value : values) terms.groups[1].push_back(LabelIndexTerm("app", value));
  return terms;
}

// What is there by key, written to and asked as the index is.
class FoundByTerms : public testing::Test {
 protected:
  void Put(const std::string& key, const std::string& app, bool with_terms = true) {
    there_[key] = {.app = app, .modified = Revision{++revision_}};
    KeyIndex::Change change{key, Revision{revision_}};
    if (with_terms && index_.FindsByTerms(key)) change.terms = IndexTermsOf(Labelled(app));
    index_.Publish({&change, 1}, Revision{revision_});
  }
  void Delete(const std::string& key) {
    there_.erase(key);
    const KeyIndex::Change change{key, {}};
    index_.Publish({&change, 1}, Revision{++revision_});
  }
  void Learn() {
    index_.BeginTerms("/r/pods/");
    for (const auto& [key, pod] : there_) {
      index_.LearnTerms({.key = key, .value = Labelled(pod.app), .modified = pod.modified});
    }
  }
  // Of those that `apps` names, in order of keys.
  std::vector<uint64_t> Expected(const std::set<std::string>& apps, const std::string& prefix,
                                 const std::string& start_after) const {
    std::vector<uint64_t> expected;
    for (const auto& [key, pod] : there_) {
      const bool here = key.starts_with(prefix) && key > start_after && apps.contains(pod.app);
      if (here) expected.push_back(pod.modified.value);
    }
    return expected;
  }

  struct Pod {
    std::string app;
    Revision modified;
  };
  std::map<std::string, Pod> there_;
  uint64_t revision_ = 1;
  KeyIndex index_{Revision{1}};
};

TEST_F(FoundByTerms, AreTheSameAsByLookingAtAll) {
  std::mt19937 random(1);
  const auto key = [&] {
    return "/r/pods/" + std::to_string(random() % 3) + "/" + std::to_string(random() % 100);
  };
  for (int i = 0; i < 200; ++i) Put(key(), std::to_string(random() % 20));
  Learn();
  for (int i = 0; i < 5000; ++i) {
    random() % 3 == 0 ? Delete(key()) : Put(key(), std::to_string(random() % 20));
    const std::vector<std::string> apps = {std::to_string(random() % 20), "none"};
    const std::string prefix = i % 2 == 0 ? "/r/pods/" : "/r/pods/1/";
    const std::string after = i % 3 == 0 ? "/r/pods/1/5" : "";
    const auto found = index_.CollectByTerms(App(apps), prefix, after);
    ASSERT_TRUE(found.has_value()) << i;
    ASSERT_EQ(Numbers(*found), Expected({apps[0]}, prefix, after)) << i;
    ASSERT_EQ(found->revision, Revision{revision_});
  }
}

TEST_F(FoundByTerms, AreAlsoThoseOfWhichNothingIsKnown) {
  for (int i = 0; i < 100; ++i) Put("/r/pods/n/" + std::to_string(i), std::to_string(i));
  EXPECT_FALSE(index_.CollectByTerms(App({"7"}), "/r/pods/", "")) << "nobody asked for it before";
  EXPECT_EQ(index_.BeginTerms("/r/pods/").size(), 100u);
  EXPECT_TRUE(index_.BeginTerms("/r/pods/").empty());
  EXPECT_FALSE(index_.CollectByTerms(App({"7"}), "/r/pods/", "")) << "all of them may have it";
  Learn();
  Put("/r/pods/n/new", "7", false);
  EXPECT_EQ(Numbers(*index_.CollectByTerms(App({"7"}), "/r/pods/", "")),
            (std::vector<uint64_t>{9, revision_}));
  EXPECT_EQ(Numbers(*index_.CollectByTerms(App({"8"}), "/r/pods/", "")),
            (std::vector<uint64_t>{10, revision_}));
}

TEST_F(FoundByTerms, AreNotManyOfAll) {
  for (int i = 0; i < 100; ++i) Put("/r/pods/n/" + std::to_string(i), std::to_string(i % 2));
  Learn();
  EXPECT_FALSE(index_.CollectByTerms(App({"0"}), "/r/pods/", ""));
  index_.Replace({}, Revision{200});
  EXPECT_FALSE(index_.FindsByTerms("/r/pods/n/1"));
  EXPECT_FALSE(index_.CollectByTerms(App({"none"}), "/r/pods/", ""));
}

TEST_F(FoundByTerms, BelongToTheirResource) {
  index_.BeginTerms("/r/pods/");
  EXPECT_TRUE(index_.FindsByTerms("/r/pods/n/a"));
  for (const char* key : {"/r/pod", "/r/pods", "/r/podsx/n/a", "/r/q", "/a"}) {
    EXPECT_FALSE(index_.FindsByTerms(key)) << key;
  }
}

}  // namespace
}  // namespace skiff
