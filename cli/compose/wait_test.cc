#include "cli/compose/wait.h"

#include <gtest/gtest.h>

#include "cli/compose/node.h"

namespace skiff::cli::compose {
namespace {

std::string KeyFor(const std::string& cause, const std::vector<std::string>& obstacles) {
  const auto nodes = ParseNodes("compose.yaml",
                                "image: x\ndeploy:\n  placement: {constraints: [a == b]}\n"
                                "  resources: {reservations: {cpus: '2'}}\n");
  why::Finding finding;
  finding.cause = cause;
  finding.obstacles = obstacles;
  return KeyBehind(finding, nodes->at(0));
}

// What each node has against it says what the file would have to ask otherwise.
TEST(ComposeWaitTest, BlamesALineOnlyForWhatAllNodesHaveAgainstIt) {
  EXPECT_EQ(KeyFor("Unschedulable", {"NodeAffinity", "NodeAffinity"}), "deploy.placement");
  EXPECT_EQ(KeyFor("Unschedulable", {"Resources"}), "deploy.resources");
  EXPECT_EQ(KeyFor("Unschedulable", {"NodeAffinity", "Resources"}), "");
  EXPECT_EQ(KeyFor("Unschedulable", {"Taint"}), "");
  EXPECT_EQ(KeyFor("Unschedulable", {"Full"}), "");
  EXPECT_EQ(KeyFor("Unschedulable", {}), "");
  EXPECT_EQ(KeyFor("ImagePull", {}), "image");
  EXPECT_EQ(KeyFor("CrashLoop", {}), "");
}

}  // namespace
}  // namespace skiff::cli::compose
