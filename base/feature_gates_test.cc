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

TEST(FeatureGatesTest, AGateOfTheProcessIsOffUnlessSet) {
  EXPECT_FALSE(IsOn(SharedGate::kMaxUnavailableStatefulSet));
  SetGate(SharedGate::kMaxUnavailableStatefulSet, true);
  EXPECT_TRUE(IsOn(SharedGate::kMaxUnavailableStatefulSet));
  SetGate(SharedGate::kMaxUnavailableStatefulSet, false);
}

}  // namespace
}  // namespace skiff
