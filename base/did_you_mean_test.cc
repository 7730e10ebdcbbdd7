#include "base/did_you_mean.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DidYouMean, TellsAllVerbsThatAreNearOrBegun) {
  EXPECT_EQ(DidYouMean("gett", {"set", "get", "delete"}),
            "\n\nDid you mean this?\n\tset\n\tget");
  EXPECT_EQ(DidYouMean("desc", {"describe", "get"}), "\n\nDid you mean this?\n\tdescribe");
  EXPECT_EQ(DidYouMean("gte", {"set", "get"}), "\n\nDid you mean this?\n\tget");
  EXPECT_EQ(DidYouMean("xyz", {"describe"}), "");
}

TEST(DidYouMean, TellsOfManyNamesThoseAloneThatAreNearest) {
  EXPECT_THAT(NearestWords("podz", {"nodes", "pods", "jobs", "pod"}), ElementsAre("pods", "pod"));
  EXPECT_THAT(NearestWords("podes", {"nodes", "pods", "nodes", "po"}),
              ElementsAre("nodes", "pods"));
  EXPECT_THAT(NearestWords("spce", {"spec", "status"}), ElementsAre("spec"));
  EXPECT_THAT(NearestWords("deploymnets", {"deployments", "replicasets"}),
              ElementsAre("deployments"));
}

TEST(DidYouMean, AShortWordIsNearToLittle) {
  EXPECT_THAT(NearestWords("foo", {"po", "no", "rs"}), IsEmpty());
  EXPECT_THAT(NearestWords("at", {"as", "v", "all"}), IsEmpty());
  EXPECT_THAT(NearestWords("", {"a"}), IsEmpty());
  EXPECT_THAT(NearestWords("x", {"a"}), IsEmpty());
  EXPECT_THAT(NearestWords("xy", {"a", "xyz"}), IsEmpty());
  EXPECT_THAT(NearestWords("xyw", {"a", "xyz"}), ElementsAre("xyz"));
}

}  // namespace
}  // namespace skiff
