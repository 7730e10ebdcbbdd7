#include "e2e/simulation/budget_laws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class BudgetLawsTest : public testing::Test {
 protected:
  BudgetLawsTest() {
    TellStatus(0);
    for (const char* name : {"a", "b", "c"}) Tell(name, true);
  }
  void Tell(const std::string& name, bool serves, const std::string& app = "voter",
            bool is_doubtful = false) {
    core_v1::Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.uid = pod.metadata.name = name;
    pod.metadata.labels["app"] = app;
    budget_laws_.TakePod(pod, {.serves = serves, .is_doubtful = is_doubtful});
  }

  void Go(const std::string& name) {
    core_v1::Pod pod;
    pod.metadata.namespace_ = "default";
    pod.metadata.uid = pod.metadata.name = name;
    pod.metadata.labels["app"] = "voter";
    budget_laws_.TakePod(pod, {.goes_unasked = true});
  }
  void TellStatus(int healthy) {
    policy_v1::PodDisruptionBudget budget;
    budget.metadata.uid = "b";
    budget.metadata.name = "voters";
    budget.metadata.namespace_ = "default";
    budget.spec.min_available = IntOrString(2);
    budget.spec.selector.emplace().match_labels["app"] = "voter";
    budget.status.current_healthy = healthy;
    budget_laws_.TakeBudget(budget, false);
  }

  FakeClock clock_;
  std::vector<std::string> complaints_;
  Laws laws_{{[this](std::string text) { complaints_.push_back(std::move(text)); }, clock_,
              [](const auto&) { return false; }, [](const auto&) { return false; }}};
  BudgetLaws budget_laws_{laws_};
};

TEST_F(BudgetLawsTest, AsManyStayAsTheBudgetAsksFor) {
  budget_laws_.Guard(true);
  Tell("a", false);
  EXPECT_THAT(complaints_, IsEmpty());
  Tell("other", true, "kitten");
  Tell("b", false);
  EXPECT_THAT(complaints_, ElementsAre("budget default/voters has 1 ready pods, fewer than 2"));
}

TEST_F(BudgetLawsTest, NothingIsPromisedUnguardedOrBeforeThereWereEnough) {
  for (const char* name : {"a", "b"}) Tell(name, false);
  budget_laws_.Guard(true);
  Tell("c", false);
  EXPECT_THAT(complaints_, IsEmpty());
  for (const char* name : {"d", "e"}) Tell(name, true);
  Tell("d", false);
  EXPECT_THAT(complaints_, testing::SizeIs(1)) << "there were enough";
}

TEST_F(BudgetLawsTest, APodThatGoesUnaskedIsCountedOnUntilTheStatusOfTheBudgetKnows) {
  budget_laws_.Guard(true);
  Go("a");
  TellStatus(3);
  Tell("b", false);
  EXPECT_THAT(complaints_, IsEmpty()) << "its status says three yet";
  for (const char* name : {"d", "e"}) Tell(name, true);
  TellStatus(3);
  for (const char* name : {"d", "e"}) Tell(name, false);
  EXPECT_THAT(complaints_, testing::SizeIs(1));
}

TEST_F(BudgetLawsTest, APodOfWhichALateStatusTellsMayGoUnasked) {
  budget_laws_.Guard(true);
  Tell("a", false);
  Tell("b", false, "voter", true);
  EXPECT_THAT(complaints_, IsEmpty());
}

}  // namespace
}  // namespace skiff
