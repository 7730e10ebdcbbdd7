// What controllers count of their work, by what they do for a server of objects.
#include "controllers/figures.h"

#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class FiguresTest : public ListingServerTest {
 protected:
  FiguresTest() {
    options_.metrics = &metrics_;
    options_.root_ca = "ca";
    options_.cluster_cidrs = {"10.244.0.0/16"};
    options_.node_cidr_mask_size_ipv4 = 17;
  }
  // What is counted after so long.
  std::string After(Duration length) {
    Run(length);
    return metrics_.Text();
  }
  void PutPod(const Json& spec, Json metadata = Json::object()) {
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/p",
        {{"metadata", std::move(metadata)}, {"spec", spec}, {"status", {{"phase", "Running"}}}});
  }

  MetricRegistry metrics_;
  ControllerOptions options_;
};

TEST_F(FiguresTest, PodsThatNobodyElseRemovesAreCountedByWhy) {
  PutPod(Json::object(), {{"deletionTimestamp", "2027-01-15T08:00:00Z"}});
  AddPodGarbageCollector(manager_, 0, &metrics_);
  const std::string path = "/api/v1/namespaces/default/pods/p";
  refused_.insert("DELETE " + path);
  const std::string labels = "{namespace=\"default\",reason=\"unscheduled\"}";
  const std::string tried = "pod_gc_collector_force_delete_pods_total" + labels;
  const std::string failed = "pod_gc_collector_force_delete_pod_errors_total" + labels;
  EXPECT_THAT(After(1s), AllOf(HasSubstr(tried + " 1\n"), HasSubstr(failed + " 1\n")));
  refused_.clear();
  EXPECT_THAT(After(30s), AllOf(HasSubstr(tried + " 2\n"), HasSubstr(failed + " 1\n")));
}

TEST_F(FiguresTest, APodIsEvictedSoLongAfterItWasDue) {
  Put("/api/v1/nodes", "/api/v1/nodes/n",
      {{"spec", {{"taints", {{{"key", "k"}, {"effect", "NoExecute"}}}}}}});
  PutPod({{"nodeName", "n"},
          {"tolerations", {{{"key", "k"}, {"operator", "Exists"}, {"tolerationSeconds", 10}}}}});
  AddTaintEvictionController(manager_, &metrics_);
  EXPECT_THAT(After(5s), HasSubstr("taint_eviction_controller_pod_deletions_total 0\n"));
  const std::string text = After(10s);
  EXPECT_THAT(text, HasSubstr("taint_eviction_controller_pod_deletions_total 1\n"));
  EXPECT_THAT(text, HasSubstr("_pod_deletion_duration_seconds_bucket{le=\"2.5\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("_pod_deletion_duration_seconds_count 1\n"));
}

TEST_F(FiguresTest, AJobIsDeletedSoLongAfterItsTimeWasUp) {
  Put("/apis/batch/v1/jobs", "/apis/batch/v1/namespaces/default/jobs/j",
      {{"spec", {{"ttlSecondsAfterFinished", 60}}},
       {"status",
        {{"conditions",
          {{{"type", "Complete"},
            {"status", "True"},
            {"lastTransitionTime", "2027-01-15T07:58:50Z"}}}}}}});
  AddTtlAfterFinishedController(manager_, &metrics_);
  const std::string text = After(1s);  // Ten seconds ago.
  const std::string name = "ttl_after_finished_controller_job_deletion_duration_seconds";
  EXPECT_THAT(text, HasSubstr(name + "_bucket{le=\"6.4\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{le=\"12.8\"} 1\n"));
}

TEST_F(FiguresTest, NamespacesAreToldTheAuthority) {
  Put("/api/v1/namespaces", "/api/v1/namespaces/n", {{"status", {{"phase", "Active"}}}});
  AddRootCaPublisher(manager_, "ca", &metrics_);
  refused_.insert("POST /api/v1/namespaces/n/configmaps");
  EXPECT_THAT(After(1ms), AllOf(HasSubstr("root_ca_cert_publisher_sync_total{code=\"503\"} 1\n"),
                                 HasSubstr("_sync_duration_seconds_count{code=\"503\"} 1\n")));
  refused_.clear();
  EXPECT_THAT(After(30s), HasSubstr("root_ca_cert_publisher_sync_total{code=\"200\"} "));
}

TEST_F(FiguresTest, ClaimsOfEphemeralVolumesAreCounted) {
  const Json claim = {{"spec", {{"accessModes", {"ReadWriteOnce"}}}}};
  PutPod({{"volumes", {{{"name", "v"}, {"ephemeral", {{"volumeClaimTemplate", claim}}}}}}});
  AddEphemeralVolumeController(manager_, &metrics_);
  refused_.insert("POST /api/v1/namespaces/default/persistentvolumeclaims");
  EXPECT_THAT(After(1ms),
              AllOf(HasSubstr("ephemeral_volume_controller_create_total 1\n"),
                    HasSubstr("ephemeral_volume_controller_create_failures_total 1\n")));
}

TEST_F(FiguresTest, NodesTakeBlocksOfAddresses) {
  const std::string block = "10.244.128.0/17";
  Put("/api/v1/nodes", "/api/v1/nodes/a", {{"spec", Json::object()}});
  Put("/api/v1/nodes", "/api/v1/nodes/b", {{"spec", {{"podCIDR", block}, {"podCIDRs", {block}}}}});
  AddNodeIpamController(manager_, options_);
  const std::string text = After(1s);
  const std::string labels = "{clusterCIDR=\"10.244.0.0/16\"}";
  EXPECT_THAT(text, HasSubstr("_cidrset_cidrs_allocations_total" + labels + " 2\n"));
  EXPECT_THAT(text, HasSubstr("node_ipam_controller_cirdset_max_cidrs" + labels + " 2\n"));
  EXPECT_THAT(text, HasSubstr("node_ipam_controller_cidrset_usage_cidrs" + labels + " 1\n"));
  EXPECT_THAT(text, HasSubstr("_cidrset_allocation_tries_per_request_count" + labels + " 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("_cidrset_cidrs_releases_total" + labels)));
}

TEST_F(FiguresTest, VolumesAndClaimsAreCountedByWhetherTheyAreBound) {
  const auto volume = [this](const char* name, const char* phase, Json source) {
    source.update({{"storageClassName", "fast"}, {"volumeMode", "Block"}});
    Put("/api/v1/persistentvolumes", std::string("/api/v1/persistentvolumes/") + name,
        {{"spec", std::move(source)}, {"status", {{"phase", phase}}}});
  };
  volume("a", "Bound", {{"csi", {{"driver", "d"}, {"volumeHandle", "h"}}}});
  volume("b", "Available", {{"nfs", {{"server", "s"}, {"path", "/"}}}});
  Put("/api/v1/persistentvolumeclaims", "/api/v1/namespaces/default/persistentvolumeclaims/c",
      {{"spec", {{"storageClassName", "fast"}, {"volumeAttributesClassName", "gold"}}},
       {"status", {{"phase", "Pending"}}}});
  AddVolumeBinder(manager_, options_);
  const std::string text = After(1s);
  for (const char* line :
       {"total_pv_count{plugin_name=\"kubernetes.io/csi:d\",volume_mode=\"Block\"} 1\n",
        "total_pv_count{plugin_name=\"kubernetes.io/nfs\",volume_mode=\"Block\"} 1\n",
        "bound_pv_count{storage_class=\"fast\"} 1\n",
        "unbound_pv_count{storage_class=\"fast\"} 1\n",
        "unbound_pvc_count{namespace=\"default\",storage_class=\"fast\",volume_attributes_class="
        "\"gold\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\npv_collector_") + line));
  }
}

TEST_F(FiguresTest, VolumesAreToBeAttachedWherePodsUseThem) {
  Put("/api/v1/nodes", "/api/v1/nodes/n", Json::object());
  PutPod({{"nodeName", "n"},
          {"volumes", {{{"name", "v"}, {"persistentVolumeClaim", {{"claimName", "c"}}}}}}});
  Put("/api/v1/persistentvolumeclaims", "/api/v1/namespaces/default/persistentvolumeclaims/c",
      {{"spec", {{"volumeName", "v"}}}, {"status", {{"phase", "Bound"}}}});
  Put("/api/v1/persistentvolumes", "/api/v1/persistentvolumes/v",
      {{"spec",
        {{"csi", {{"driver", "d"}, {"volumeHandle", "h"}}},
         {"claimRef", {{"namespace", "default"}, {"name", "c"}, {"uid", "c"}}}}}});
  AddAttachDetachController(manager_, options_);
  const std::string text = After(1s);
  EXPECT_THAT(text, HasSubstr("storage_count_attachable_volumes_in_use{node=\"n\",volume_plugin="
                              "\"kubernetes.io/csi:d\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("attachdetach_controller_total_volumes{plugin_name=\"kubernetes.io/"
                              "csi:d\",state=\"desired_state_of_world\"} 1\n"));
}

}  // namespace
}  // namespace skiff
