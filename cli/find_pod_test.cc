#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class FindPodTest : public ProgramTest {};

// Which of a ReplicaSet's pods is the first for kubectl 1.35.
TEST_F(FindPodTest, CommandsGoToAPodThatRunsAndLogsAreOfAnEndedOneToo) {
  server_ = ServerOf("apps", {{"replicasets", "ReplicaSet"}},
                     {{"/apis/apps/v1/namespaces/default/replicasets/r",
                       R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r"},
                           "spec": {"selector": {"matchLabels": {"a": "b"}}}})"},
                      {"/api/v1/namespaces/default/pods",
                       R"({"items": [
                 {"metadata": {"name": "runs", "creationTimestamp": "2026-01-02T00:00:00Z"},
                  "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
                  "status": {"phase": "Running"}},
                 {"metadata": {"name": "ended", "creationTimestamp": "2026-01-01T00:00:00Z"},
                  "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
                  "status": {"phase": "Failed"}}]})"}});
  EXPECT_EQ(Run("attach", {"rs/r", "-c", "none"}), 1);
  EXPECT_NE(err_.find("in pod runs"), std::string::npos) << err_;
  EXPECT_EQ(Run("logs", {"rs/r", "-c", "none"}), 1);
  EXPECT_NE(err_.find("Found 2 pods, using pod/ended\n"), std::string::npos) << err_;
}

}  // namespace
}  // namespace skiff::cli
