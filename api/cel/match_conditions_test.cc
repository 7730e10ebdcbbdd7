#include "api/cel/match_conditions.h"

#include <gtest/gtest.h>

namespace skiff::cel {
namespace {

// "true", "false", or the error.
std::string Verdict(const std::vector<std::string>& expressions) {
  const AdmissionScope scope({});
  MatchConditions conditions;
  for (const std::string& each : expressions) {
    conditions.push_back(scope.Compile(each, {.returns = Returns::kBool}));
  }
  const Json object = {{"metadata", {{"name", "x"}}}};
  const auto holds = ConditionsHold(conditions, {.object = Value::Document(object)});
  if (!holds) return holds.error().message;
  return *holds ? "true" : "false";
}

TEST(MatchConditionsTest, AllHaveToBeTrue) {
  EXPECT_EQ(Verdict({}), "true");
  EXPECT_EQ(Verdict({"object.metadata.name == 'x'", "true"}), "true");
  EXPECT_EQ(Verdict({"true", "object.metadata.name == 'y'"}), "false");
}

TEST(MatchConditionsTest, OneThatIsFalseDecidesWhateverFails) {
  const std::string error = "expression 'object.a == 1' resulted in error: no such key: a";
  EXPECT_EQ(Verdict({"object.a == 1", "true"}), error);
  EXPECT_EQ(Verdict({"object.a == 1", "object.a == 1"}), error);
  EXPECT_EQ(Verdict({"object.a == 1", "false"}), "false");
  EXPECT_EQ(Verdict({"false", "object.a == 1"}), "false");
}

// Nothing is known of a request for which not all could be evaluated.
TEST(MatchConditionsTest, TheBudgetIsForAllAlsoBehindOneThatIsFalse) {
  std::string dear = "true";
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    dear = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].all(" + std::string(name) + ", " + dear + ")";
  }
  EXPECT_EQ(Verdict({dear}), "true");
  EXPECT_EQ(Verdict({dear, "false"}), "false");
  std::vector<std::string> all(12, dear);
  const std::string spent =
      "validation failed due to running out of cost budget, no further validation rules will be run";
  EXPECT_EQ(Verdict(all), spent);
  all.insert(all.begin(), "false");
  EXPECT_EQ(Verdict(all), spent);
}

}  // namespace
}  // namespace skiff::cel
