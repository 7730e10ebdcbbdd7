// ClusterRoles that are made of others, on the real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/rbac_v1.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

using rbac_v1::ClusterRole;
using testing::ElementsAre;

class ClusterRoleAggregationTest : public testing::Test {
 protected:
  void MakePart(const std::string& name, const std::string& resources) {
    cluster_.Apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: " +
                   name + ", labels: {part: 'yes'}}\nrules: [{apiGroups: [''], resources: [" +
                   resources + "], verbs: [get]}]\n");
    cluster_.RunFor(1s);
  }
  std::vector<std::string> ResourcesOf(const std::string& name) {
    std::vector<std::string> out;
    const auto role = cluster_.Get<ClusterRole>({"", name});
    if (!role) return out;
    for (const auto& rule : role->rules) {
      out.insert(out.end(), rule.resources.begin(), rule.resources.end());
    }
    return out;
  }
  TestCluster cluster_;
};

TEST_F(ClusterRoleAggregationTest, RulesFollowTheirParts) {
  MakePart("b", "pods");
  cluster_.Apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
                 "metadata: {name: whole, labels: {part: 'yes'}}\n"
                 "aggregationRule: {clusterRoleSelectors: [{matchLabels: {part: 'yes'}}]}\n"
                 "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]\n");
  cluster_.RunFor(1s);
  EXPECT_THAT(ResourcesOf("whole"), ElementsAre("pods")) << "what users write is written over";
  MakePart("a", "nodes");
  MakePart("c", "pods");
  EXPECT_THAT(ResourcesOf("whole"), ElementsAre("nodes", "pods")) << "by name, each once";
  cluster_.Delete<ClusterRole>({"", "b"}).RunFor(1s);
  cluster_.Delete<ClusterRole>({"", "c"}).RunFor(1s);
  EXPECT_THAT(ResourcesOf("whole"), ElementsAre("nodes"));
}

}  // namespace
}  // namespace skiff
