#include "api/select/tolerations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

namespace skiff {
namespace {

using core_v1::Toleration;
using testing::ElementsAre;
using testing::IsEmpty;

Toleration Of(std::string key, std::string op, std::string value = "", std::string effect = "",
              std::optional<int64_t> seconds = std::nullopt) {
  Toleration toleration;
  toleration.key = std::move(key);
  toleration.operator_ = std::move(op);
  toleration.value = std::move(value);
  toleration.effect = std::move(effect);
  toleration.toleration_seconds = seconds;
  return toleration;
}

TEST(MergeTolerations, KeepsEachOnce) {
  const Toleration a = Of("a", "Equal", "1"), b = Of("b", "Equal", "1");
  EXPECT_THAT(MergeTolerations({}, {}), IsEmpty());
  EXPECT_THAT(MergeTolerations({a, b, a}, {b, a}), ElementsAre(a, b));
}

TEST(MergeTolerations, DropsWhatAnotherToleratesAsWell) {
  const Toleration all = Of("", "Exists"), key = Of("a", "Exists"), one = Of("a", "Equal", "1"),
                   effect = Of("a", "Equal", "1", "NoSchedule"), other = Of("b", "Exists");
  EXPECT_THAT(MergeTolerations({effect, one, other}, {key}), ElementsAre(other, key));
  EXPECT_THAT(MergeTolerations({key}, {effect, other, one}), ElementsAre(key, other));
  EXPECT_THAT(MergeTolerations({effect, key, other}, {all}), ElementsAre(all));
  EXPECT_THAT(MergeTolerations({effect}, {Of("a", "Equal", "2")}),
              ElementsAre(effect, Of("a", "Equal", "2")));
}

// As in Kubernetes, which finds only an operator that is written to be like another.
TEST(MergeTolerations, ComparesOperatorsAsWritten) {
  const Toleration written = Of("a", "Equal", "1"), meant = Of("a", "", "1"), odd = Of("a", "Lt");
  EXPECT_THAT(MergeTolerations({written}, {meant}), ElementsAre(meant));
  EXPECT_THAT(MergeTolerations({odd, odd}, {}), ElementsAre(odd));
}

TEST(MergeTolerations, KeepsWhatEvictsLater) {
  const auto seconds = [](std::optional<int64_t> count, std::string effect = "NoExecute") {
    return Of("a", "Exists", "", std::move(effect), count);
  };
  EXPECT_THAT(MergeTolerations({seconds(10), seconds(30)}, {seconds(20)}),
              ElementsAre(seconds(30)));
  EXPECT_THAT(MergeTolerations({seconds(10), seconds(std::nullopt)}, {seconds(20)}),
              ElementsAre(seconds(std::nullopt)));
  // Of all effects, whatever the seconds.
  EXPECT_THAT(MergeTolerations({seconds(10)}, {seconds(5, "")}), ElementsAre(seconds(5, "")));
}

TEST(MergeTolerations, IsBoundedInTime) {
  std::vector<Toleration> many;
  for (int i = 0; i < 100'000; ++i) many.push_back(Of("k" + std::to_string(i), "Exists"));
  const std::clock_t begin = std::clock();
  EXPECT_EQ(MergeTolerations(many, many).size(), many.size());
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
}

}  // namespace
}  // namespace skiff
