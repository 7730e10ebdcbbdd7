#include "skiff/leading_flag.h"

#include <gmock/gmock.h>

namespace skiff {
namespace {

TEST(LeadingFlagTest, SaysWhichOneWasMeant) {
  EXPECT_EQ(RefusedLeadingFlag("--verison"), "unknown flag: --verison; is --version meant?");
  EXPECT_EQ(RefusedLeadingFlag("--halp"), "unknown flag: --halp; is --help meant?");
  EXPECT_EQ(RefusedLeadingFlag("-version"), "unknown flag: -version; is --version meant?");
  EXPECT_EQ(RefusedLeadingFlag("--hepl=true"), "unknown flag: --hepl=true; is --help meant?");
}

TEST(LeadingFlagTest, SaysWhereOthersStand) {
  for (const char* typed : {"--nodes=3", "--x", "-", "--", "-n"}) {
    EXPECT_THAT(RefusedLeadingFlag(typed),
                testing::StartsWith(std::string(typed) + " stands before any program"));
  }
}

}  // namespace
}  // namespace skiff
