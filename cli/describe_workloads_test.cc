#include <gmock/gmock.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class DescribeWorkloadsTest : public ProgramTest {
 protected:
  // What `describe` says of a Job's completed indexes.
  std::string Completed(const std::string& indexes) {
    const Json job = {{"apiVersion", "batch/v1"},
                      {"kind", "Job"},
                      {"metadata", {{"name", "j"}}},
                      {"spec", {{"completionMode", "Indexed"}}},
                      {"status", {{"completedIndexes", indexes}}}};
    server_ = ServerOf("batch", {{"jobs", "Job"}},
                       {{"/apis/batch/v1/namespaces/default/jobs/j", job.dump()}});
    EXPECT_EQ(Run("describe", {"job", "j", "--show-events=false"}), 0) << err_;
    const std::string field = "Completed Indexes:";
    const size_t begin = out_.find(field);
    if (begin == std::string::npos) return "not said: " + out_;
    const size_t text = out_.find_first_not_of(' ', begin + field.size());
    return out_.substr(text, out_.find('\n', text) - text);
  }
};

TEST_F(DescribeWorkloadsTest, OfManyIndexesTheFirstAreShown) {
  EXPECT_EQ(Completed(""), "<none>");
  EXPECT_EQ(Completed("1,3-5,7"), "1,3-5,7");
  const std::string first = "100,102,104,106,108,110,112,114,116,118,120,122,124";
  EXPECT_EQ(Completed(first), first);
  EXPECT_EQ(Completed(first + ",126,128"), first + ",...");
}

TEST_F(DescribeWorkloadsTest, PodsAreSaidToBeReadyByWhoCountsThem) {
  Completed("1");
  EXPECT_NE(out_.find("0 Active / 0 Succeeded / 0 Failed\n"), std::string::npos) << out_;
}

TEST_F(DescribeWorkloadsTest, OldReplicaSetsStandInTheOrderOfTheirCreation) {
  const auto set = [](const char* name, const char* created) {
    return Json{{"metadata",
                 {{"name", name},
                  {"creationTimestamp", created},
                  {"ownerReferences", {{{"uid", "1"}}}}}},
                {"spec", {{"replicas", 0}, {"template", {{"of", name}}}}}};
  };
  const Json sets = {{"items",
                      {set("a", "2026-01-03T00:00:00Z"), set("b", "2026-01-01T00:00:00Z"),
                       set("c", "2026-01-02T00:00:00Z")}}};
  const std::string space = "/apis/apps/v1/namespaces/default";
  server_ = ServerOf("apps", {{"deployments", "Deployment"}, {"replicasets", "ReplicaSet"}},
                     {{space + "/deployments/web",
                       R"({"apiVersion": "apps/v1", "kind": "Deployment",
                           "metadata": {"name": "web", "namespace": "default", "uid": "1"},
                           "spec": {"selector": {"matchLabels": {"app": "web"}}}})"},
                      {space + "/replicasets", sets.dump()}});
  EXPECT_EQ(Run("describe", {"deploy", "web", "--show-events=false"}), 0) << err_;
  EXPECT_NE(out_.find(" b (0/0 replicas created), c (0/0 replicas created), a (0/0 replicas "
                      "created)\n"),
            std::string::npos)
      << out_;
}

TEST_F(DescribeWorkloadsTest, WhichSystemCallsAPodMayMakeIsSaid) {
  const Json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", "p"}, {"namespace", "default"}}},
      {"spec",
       {{"securityContext", {{"seccompProfile", {{"type", "RuntimeDefault"}}}}},
        {"containers",
         {{{"name", "c"},
           {"securityContext",
            {{"seccompProfile", {{"type", "Localhost"}, {"localhostProfile", "a.json"}}}}}}}}}}};
  server_ = ServerOf("", {}, {{"/api/v1/namespaces/default/pods/p", pod.dump()}});
  EXPECT_EQ(Run("describe", {"pod", "p", "--show-events=false"}), 0) << err_;
  // However wide its columns are.
  std::string said;
  for (const char c : out_) {
    if (c != ' ' || !said.ends_with(' ')) said += c;
  }
  EXPECT_THAT(said, testing::HasSubstr("\nSeccompProfile: RuntimeDefault\n"));
  EXPECT_THAT(said, testing::HasSubstr("\n SeccompProfile: Localhost\n"));
  EXPECT_THAT(said, testing::HasSubstr("\n LocalhostProfile: a.json\n"));
}

}  // namespace
}  // namespace skiff::cli
