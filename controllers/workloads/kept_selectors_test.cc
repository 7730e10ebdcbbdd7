#include "controllers/workloads/kept_selectors.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "client/client.h"
#include "client/transport.h"
#include "controllers/workloads/claim.h"

namespace skiff {
namespace {

using apps_v1::ReplicaSet;

class KeptSelectorsTest : public testing::Test {
 protected:
  // The set a has that selector from now on.
  void Put(const Json& selector, const std::string& version) {
    const Json set = {
        {"metadata",
         {{"name", "a"}, {"namespace", "n"}, {"uid", "1"}, {"resourceVersion", version}}},
        {"spec", {{"selector", selector}}}};
    sets_.cache().Apply({.type = WatchEvent::Type::kModified, .object = RawJson(set)});
  }
  Ptr<ReplicaSet> Set() const { return sets_.Get({"n", "a"}); }
  static Json ForApp(const std::string& app) { return {{"matchLabels", {{"app", app}}}}; }

  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  const Informer<ReplicaSet> sets_ = informers_.For<ReplicaSet>();
  const std::shared_ptr<KeptSelectors<ReplicaSet>> kept_ = KeptSelectors<ReplicaSet>::Of(sets_);
};

TEST_F(KeptSelectorsTest, OneIsReadAgainWhereItHasChanged) {
  Put(ForApp("a"), "1");
  const auto first = kept_->Get(Set());
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(first->Matches({{"app", "a"}}));
  EXPECT_EQ(kept_->Get(Set()), first);
  Put(ForApp("a"), "2");
  EXPECT_EQ(kept_->Get(Set()), first) << "something else of it has changed";
  Put(ForApp("b"), "3");
  const auto second = kept_->Get(Set());
  ASSERT_NE(second, nullptr);
  EXPECT_TRUE(second->Matches({{"app", "b"}}));
}

TEST_F(KeptSelectorsTest, OneThatCannotBeReadIsNone) {
  Put({{"matchExpressions", {{{"key", "a"}, {"operator", "Odd"}}}}}, "1");
  EXPECT_EQ(kept_->Get(Set()), nullptr);
  Put(ForApp("a"), "2");
  EXPECT_NE(kept_->Get(Set()), nullptr);
}

TEST_F(KeptSelectorsTest, NoneIsKeptOfWhatIsGone) {
  Put(ForApp("a"), "1");
  const auto set = Set();
  EXPECT_NE(kept_->Get(set), nullptr);
  EXPECT_EQ(kept_->size(), 1u);
  sets_.cache().Replace({}, "2");
  EXPECT_EQ(kept_->size(), 0u);
  EXPECT_NE(kept_->Get(set), nullptr) << "of somebody who has listed it before";
  EXPECT_EQ(kept_->size(), 0u);
}

// A pod that nobody controls is heard of thousands of times.
TEST_F(KeptSelectorsTest, WhoMayAdoptIsAskedWithoutReadingSelectorsAnew) {
  const auto may_adopt = MayAdopt(sets_);
  Json values = Json::array();
  for (int i = 0; i < 100'000; ++i) values.push_back("v" + std::to_string(i));
  Put({{"matchLabels", {{"app", "a"}}},
       {"matchExpressions", {{{"key", "k"}, {"operator", "NotIn"}, {"values", values}}}}},
      "1");
  core_v1::Pod pod;
  pod.metadata.namespace_ = "n";
  pod.metadata.labels = {{"app", "a"}};
  const std::vector<ObjectKey> key = {{"n", "a"}};
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(may_adopt(pod), key);
  pod.metadata.labels["k"] = "v7";
  EXPECT_TRUE(may_adopt(pod).empty());
}

}  // namespace
}  // namespace skiff
