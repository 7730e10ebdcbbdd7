#include "controllers/workloads/budget_index.h"

#include <gtest/gtest.h>

#include "client/client.h"
#include "client/transport.h"

namespace skiff {
namespace {

using policy_v1::PodDisruptionBudget;

class BudgetIndexTest : public testing::Test {
 protected:
  void Tell(WatchEvent::Type type, const std::string& name, const Json& selector) {
    const Json budget = {{"metadata",
                          {{"name", name},
                           {"namespace", "n"},
                           {"uid", name},
                           {"resourceVersion", std::to_string(++version_)}}},
                         {"spec", {{"selector", selector}}}};
    budgets_.cache().Apply({.type = type, .object = RawJson(budget)});
  }
  void Put(const std::string& name, const Json& selector) {
    Tell(WatchEvent::Type::kModified, name, selector);
  }
  static Json ForApp(const std::string& app) { return {{"matchLabels", {{"app", app}}}}; }
  std::vector<std::string> Selecting(const BudgetIndex::Labels& labels) const {
    std::vector<std::string> names;
    for (const ObjectKey& key : index_->Find("n", labels).keys) names.push_back(key.name);
    return names;
  }
  size_t LeftOutOf(const BudgetIndex::Labels& labels) const {
    return index_->Find("n", labels).left_out_of;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  const Informer<PodDisruptionBudget> budgets_ = informers_.For<PodDisruptionBudget>();
  const std::shared_ptr<BudgetIndex> index_ = BudgetIndex::Of(budgets_);
  int version_ = 0;
};

using BudgetNames = std::vector<std::string>;

TEST_F(BudgetIndexTest, ABudgetIsFoundByWhatItSelectsNow) {
  Put("one", ForApp("a"));
  Put("all", Json::object());
  Put("none", nullptr);
  Put("bad", {{"matchExpressions", {{{"key", "a"}, {"operator", "Odd"}}}}});
  Put("some",
      {{"matchExpressions", {{{"key", "app"}, {"operator", "In"}, {"values", {"a", "c"}}}}}});
  EXPECT_EQ(Selecting({{"app", "a"}}), (BudgetNames{"one", "all", "some"}));
  EXPECT_EQ(Selecting({{"app", "b"}}), BudgetNames{"all"});
  EXPECT_EQ(Selecting({}), BudgetNames{"all"});
  EXPECT_TRUE(index_->Find("other", {{"app", "a"}}).keys.empty());
  Put("one", ForApp("b"));
  EXPECT_EQ(Selecting({{"app", "a"}}), (BudgetNames{"all", "some"}));
  EXPECT_EQ(Selecting({{"app", "b"}}), (BudgetNames{"one", "all"}));
}

TEST_F(BudgetIndexTest, NothingIsKeptOfWhatIsGone) {
  Put("one", ForApp("a"));
  Tell(WatchEvent::Type::kDeleted, "one", ForApp("b"));
  EXPECT_TRUE(Selecting({{"app", "a"}}).empty());
  EXPECT_TRUE(Selecting({{"app", "b"}}).empty());
}

TEST_F(BudgetIndexTest, AFewThatSelectAPodAreLookedFor) {
  for (const char* name : {"a", "b", "c", "d"}) Put(name, ForApp("a"));
  Put("x", ForApp("b"));
  EXPECT_EQ(LeftOutOf({{"app", "a"}}), 0U);
  Put("e", ForApp("a"));
  EXPECT_EQ(Selecting({{"app", "a"}}), (BudgetNames{"a", "b", "c", "d"}));
  EXPECT_EQ(LeftOutOf({{"app", "a"}}), 6U);
  EXPECT_EQ(LeftOutOf({{"app", "b"}}), 0U);
}

TEST_F(BudgetIndexTest, AsManyLabelsAreLookedAtAsItMaySelectNone) {
  const Json not_a = {
      {"matchExpressions", {{{"key", "app"}, {"operator", "NotIn"}, {"values", {"a"}}}}}};
  const size_t many = BudgetIndex::kLabelsAskedMax / 2;
  for (size_t i = 0; i < many; ++i) Put("odd-" + std::to_string(i), not_a);
  EXPECT_EQ(LeftOutOf({{"app", "a"}}), 0U);
  Put("odd", not_a);
  EXPECT_EQ(LeftOutOf({{"app", "a"}}), many + 1);
  Put("own", ForApp("a"));
  EXPECT_EQ(Selecting({{"app", "a"}}), BudgetNames{"own"}) << "others come after it";
}

}  // namespace
}  // namespace skiff
