#include "apiserver/tokens/server_identity.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(ServerIdentityTest, IsThatOfKubeApiserverOnAMachineOfThatName) {
  EXPECT_EQ(ServerIdentityOf("node-1"), "apiserver-lgabes5ywnaqeagh5dny4zlzs4");
}

TEST(ServerIdentityTest, IsOfThisMachine) {
  EXPECT_EQ(ServerIdentity(), ServerIdentityOf(ThisHost()));
}

}  // namespace
}  // namespace skiff
