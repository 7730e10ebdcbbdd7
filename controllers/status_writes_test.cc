// Statuses are written over the versions that they were made of, as kube-controller-manager's
// updates are: what was made of an older one is refused, and made anew of the one that there is.
#include <gtest/gtest.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class StatusWritesTest : public ListingServerTest {
 protected:
  static Json OfPods(const std::string& replicas = "") {
    Json spec = {{"selector", {{"matchLabels", {{"app", "a"}}}}},
                 {"template",
                  {{"metadata", {{"labels", {{"app", "a"}}}}},
                   {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}}}};
    if (!replicas.empty()) spec[replicas] = 1;
    return {{"metadata", {{"generation", 1}}}, {"spec", std::move(spec)}};
  }

  // Which version the first write of this status was made of; "" where it does not say.
  std::string VersionWrittenOver(const std::string& path) {
    Run(1s);
    const auto found = std::find(written().begin(), written().end(), "PATCH " + path + "/status");
    EXPECT_NE(found, written().end()) << path;
    if (found == written().end()) return "";
    const Json patch = Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
    return patch["metadata"].value("resourceVersion", "");
  }
};

constexpr char kSets[] = "/apis/apps/v1/namespaces/default/";

TEST_F(StatusWritesTest, ReplicaSets) {
  Put("/apis/apps/v1/replicasets", std::string(kSets) + "replicasets/a", OfPods("replicas"));
  AddReplicaSetController(manager_);
  EXPECT_EQ(VersionWrittenOver(std::string(kSets) + "replicasets/a"), "1");
}

TEST_F(StatusWritesTest, ReplicationControllers) {
  Json controller = OfPods("replicas");
  controller["spec"]["selector"] = {{"app", "a"}};
  const std::string path = "/api/v1/namespaces/default/replicationcontrollers/a";
  Put("/api/v1/replicationcontrollers", path, std::move(controller));
  AddReplicationControllerController(manager_);
  EXPECT_EQ(VersionWrittenOver(path), "1");
}

TEST_F(StatusWritesTest, DaemonSets) {
  Put("/apis/apps/v1/daemonsets", std::string(kSets) + "daemonsets/a", OfPods());
  AddDaemonSetController(manager_);
  EXPECT_EQ(VersionWrittenOver(std::string(kSets) + "daemonsets/a"), "1");
}

TEST_F(StatusWritesTest, StatefulSets) {
  Put("/apis/apps/v1/statefulsets", std::string(kSets) + "statefulsets/a", OfPods("replicas"));
  AddStatefulSetController(manager_);
  EXPECT_EQ(VersionWrittenOver(std::string(kSets) + "statefulsets/a"), "1");
}

// What the server answers need not be what it was sent: a webhook may have its own idea of it.
TEST_F(StatusWritesTest, DeploymentsWhoseNewSetWasGivenAnotherTemplate) {
  const std::string path = std::string(kSets) + "deployments/a";
  Put("/apis/apps/v1/deployments", path, OfPods("replicas"));
  AddDeploymentController(manager_);
  EXPECT_EQ(VersionWrittenOver(path), "1");
  EXPECT_EQ(written()[0], "POST /apis/apps/v1/namespaces/default/replicasets");
}

// The old set is made smaller in the same round, which makes no old one of the new.
TEST_F(StatusWritesTest, DeploymentsWhoseNextSetWasGivenAnotherTemplate) {
  const std::string path = std::string(kSets) + "deployments/a";
  const std::string sets = std::string(kSets) + "replicasets";
  Put("/apis/apps/v1/deployments", path, OfPods("replicas"));
  Json set = OfPods("replicas");
  set["metadata"]["namespace"] = "default";
  set["metadata"]["labels"] = {{"app", "a"}};
  set["metadata"]["annotations"] = {{"deployment.kubernetes.io/desired-replicas", "1"},
                                    {"deployment.kubernetes.io/max-replicas", "2"}};
  set["metadata"]["ownerReferences"] = {{{"apiVersion", "apps/v1"},
                                         {"kind", "Deployment"},
                                         {"name", "a"},
                                         {"uid", "a"},
                                         {"controller", true}}};
  set["spec"]["template"]["spec"]["containers"][0]["image"] = "other";
  set["status"] = {{"replicas", 1}, {"readyReplicas", 1}, {"availableReplicas", 1}};
  Put("/apis/apps/v1/replicasets", sets + "/old", set);
  set["metadata"]["name"] = set["metadata"]["uid"] = "new";
  after_writes_["POST " + sets] = set;
  AddDeploymentController(manager_);
  EXPECT_EQ(VersionWrittenOver(path), "1");
  EXPECT_EQ(written()[0], "POST " + sets);
  EXPECT_EQ(written()[1], "PUT " + sets + "/old") << "made smaller";
  const auto status = std::find(written().begin(), written().end(), "PATCH " + path + "/status");
  const Json patch = Json::parse(bodies()[static_cast<size_t>(status - written().begin())]);
  EXPECT_EQ(patch["status"].value("updatedReplicas", 0), 1);
}

// Of no Job that it says is active there is anything left.
TEST_F(StatusWritesTest, CronJobs) {
  const std::string path = "/apis/batch/v1/namespaces/default/cronjobs/a";
  Put("/apis/batch/v1/cronjobs", path,
      {{"spec", {{"schedule", "0 0 1 1 *"}, {"suspend", true}}},
       {"status", {{"active", {{{"name", "gone"}, {"namespace", "default"}, {"uid", "u"}}}}}}});
  answers_["/apis/batch/v1/namespaces/default/jobs/gone"] = {
      404, {{"kind", "Status"}, {"reason", "NotFound"}}};
  AddCronJobController(manager_);
  EXPECT_EQ(VersionWrittenOver(path), "1");
}

TEST_F(StatusWritesTest, Namespaces) {
  Put("/api/v1/namespaces", "/api/v1/namespaces/a",
      {{"metadata", {{"deletionTimestamp", "2026-01-01T00:00:00Z"}}},
       {"spec", {{"finalizers", {"kubernetes"}}}}});
  AddNamespaceController(manager_);
  EXPECT_EQ(VersionWrittenOver("/api/v1/namespaces/a"), "1");
}

TEST_F(StatusWritesTest, VolumesAndClaims) {
  const std::string claim = "/api/v1/namespaces/default/persistentvolumeclaims/a";
  Put("/api/v1/persistentvolumeclaims", claim,
      {{"spec",
        {{"accessModes", {"ReadWriteOnce"}},
         {"storageClassName", ""},
         {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}});
  Put("/api/v1/persistentvolumes", "/api/v1/persistentvolumes/b",
      {{"spec", {{"accessModes", {"ReadWriteMany"}}, {"capacity", {{"storage", "1Gi"}}}}}});
  AddVolumeBinder(manager_, {});
  AddVolumeReclaimer(manager_, {});
  EXPECT_EQ(VersionWrittenOver(claim), "1");
  EXPECT_EQ(VersionWrittenOver("/api/v1/persistentvolumes/b"), "1");
}

}  // namespace
}  // namespace skiff
