#include "base/feature_gates.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(FeatureGatesTest, WhatIsOffCannotBeTurnedOnNorWhatIsOnOff) {
  EXPECT_EQ(WhyNotFeatureGates("NodeDeclaredFeatures=false,ImageVolume=true,AllAlpha=false"), "");
  EXPECT_EQ(WhyNotFeatureGates("WatchList=true,kube:NodeDeclaredFeatures=true"),
            "--feature-gates=NodeDeclaredFeatures=true cannot be had here, and must not be "
            "ignored: it is always off");
  EXPECT_EQ(WhyNotFeatureGates("ImageVolume=F"),
            "--feature-gates=ImageVolume=false cannot be had here, and must not be ignored: it is "
            "always on");
  EXPECT_EQ(WhyNotFeatureGates("AllAlpha=true"),
            "--feature-gates=AllAlpha=true cannot be had here, and must not be ignored: it is "
            "always off");
  EXPECT_EQ(WhyNotFeatureGates("StatefulSetSemanticRevisionComparison=true"), "");
}

TEST(FeatureGatesTest, WhatMakesNoDifferenceOrActsIsTaken) {
  for (const char* value : {"true", "false"}) {
    for (const char* gate : {"MaxUnavailableStatefulSet", "MutatingAdmissionPolicy", "WatchList",
                             "ContextualLogging", "WindowsHostNetwork", "AllBeta"}) {
      EXPECT_EQ(WhyNotFeatureGates(std::string(gate) + "=" + value), "") << gate;
    }
  }
}

TEST(FeatureGatesTest, WhatIsNamedItselfIsSetByThatWhereverItStands) {
  using Flags = std::vector<std::pair<std::string, std::string>>;
  const auto is_on = [](const Flags& flags, bool by_default) {
    return IsBetaGateOn(flags, kMaxUnavailableGate, by_default);
  };
  EXPECT_TRUE(is_on({}, true));
  EXPECT_FALSE(is_on({{"feature-gates", "WatchList=true"}, {"v", "AllBeta=true"}}, false));
  EXPECT_TRUE(is_on({{"feature-gates", "AllBeta=true"}}, false));
  EXPECT_FALSE(is_on({{"feature-gates", "AllBeta=false"}}, true));
  const Flags both = {{"feature-gates", "MaxUnavailableStatefulSet=false"},
                      {"feature-gates", "AllBeta=true"}};
  EXPECT_FALSE(is_on(both, false));
  EXPECT_EQ(FeatureGateOf({{"feature-gates", "AllBeta=true"}, {"feature-gates", "AllBeta=false"}},
                          kBetaGates),
            std::optional(false));
}

TEST(FeatureGatesTest, AGateOfTheProcessIsOffUnlessSet) {
  EXPECT_FALSE(IsOn(SharedGate::kMaxUnavailableStatefulSet));
  SetGate(SharedGate::kMaxUnavailableStatefulSet, true);
  EXPECT_TRUE(IsOn(SharedGate::kMaxUnavailableStatefulSet));
  SetGate(SharedGate::kMaxUnavailableStatefulSet, false);
}

}  // namespace
}  // namespace skiff
