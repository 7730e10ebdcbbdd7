// Metrics by their names: those that kube-controller-manager and kube-scheduler v1.35 have are
// here, with their labels and their stability, or it says why not; and no others are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <sstream>

#include "base/build_info.h"
#include "client/leader_election.h"
#include "client/transport.h"
#include "controllers/program.h"
#include "controllers/scheduler/pod_resource_metrics.h"
#include "controllers/scheduler/scheduler.h"
#include "skiff/component.h"
#include "skiff/component_clients.h"

namespace skiff {
namespace {

// Each: name, stability, labels in order, also on further lines that begin with blanks; or name,
// "-", and why it is not here.
constexpr char kOfBoth[] = R"(
disabled_metrics_total BETA
hidden_metrics_total BETA
kubernetes_build_info ALPHA build_date compiler git_commit git_tree_state git_version go_version
  major minor platform
kubernetes_feature_enabled - gates turn nothing on or off here
kubernetes_healthcheck - told at /metrics/slis
kubernetes_healthchecks_total - told at /metrics/slis
leader_election_master_status ALPHA name
leader_election_slowpath_total ALPHA name
registered_metrics_total BETA deprecated_version stability_level
rest_client_dns_resolution_duration_seconds - the system resolves names
rest_client_exec_plugin_call_total - what credential programs do is not counted
rest_client_exec_plugin_certificate_rotation_age - what credential programs do is not counted
rest_client_exec_plugin_ttl_seconds - what credential programs do is not counted
rest_client_rate_limiter_duration_seconds - how long one waits for his turn is not counted
rest_client_request_duration_seconds ALPHA host verb
rest_client_request_retries_total - what is sent again, over another connection alone, counts once
rest_client_request_size_bytes ALPHA host verb
rest_client_requests_total ALPHA code host method
rest_client_response_size_bytes ALPHA host verb
rest_client_transport_cache_entries - there is no cache of transports
rest_client_transport_create_calls_total - there is no cache of transports
version_info ALPHA binary component emulation min_compat
workqueue_adds_total ALPHA name
workqueue_depth ALPHA name
workqueue_longest_running_processor_seconds ALPHA name
workqueue_queue_duration_seconds ALPHA name
workqueue_retries_total ALPHA name
workqueue_unfinished_work_seconds ALPHA name
workqueue_work_duration_seconds ALPHA name
)";
constexpr char kOfControllerManager[] = R"(
attach_detach_controller_attachdetach_controller_forced_detaches ALPHA reason
attachdetach_controller_total_volumes ALPHA plugin_name state
clustertrustbundle_publisher_sync_duration_seconds - its controller is off, there too
clustertrustbundle_publisher_sync_total - its controller is off, there too
cronjob_controller_job_creation_skew_duration_seconds STABLE
csi_operations_seconds - the kubelet alone calls drivers
device_taint_eviction_controller_pod_deletion_duration_seconds - its controller is off, there too
device_taint_eviction_controller_pod_deletions_total - its controller is off, there too
endpoint_slice_controller_changes ALPHA operation
endpoint_slice_controller_desired_endpoint_slices ALPHA
endpoint_slice_controller_endpoints_added_per_sync ALPHA
endpoint_slice_controller_endpoints_desired ALPHA
endpoint_slice_controller_endpoints_removed_per_sync ALPHA
endpoint_slice_controller_endpointslices_changed_per_sync ALPHA topology traffic_distribution
endpoint_slice_controller_num_endpoint_slices ALPHA
endpoint_slice_controller_services_count_by_traffic_distribution ALPHA traffic_distribution
endpoint_slice_controller_syncs ALPHA result
endpoint_slice_mirroring_controller_addresses_skipped_per_sync ALPHA
endpoint_slice_mirroring_controller_changes ALPHA operation
endpoint_slice_mirroring_controller_desired_endpoint_slices ALPHA
endpoint_slice_mirroring_controller_endpoints_added_per_sync ALPHA
endpoint_slice_mirroring_controller_endpoints_desired ALPHA
endpoint_slice_mirroring_controller_endpoints_removed_per_sync ALPHA
endpoint_slice_mirroring_controller_endpoints_sync_duration ALPHA
endpoint_slice_mirroring_controller_endpoints_updated_per_sync ALPHA
endpoint_slice_mirroring_controller_num_endpoint_slices ALPHA
ephemeral_volume_controller_create_failures_total ALPHA
ephemeral_volume_controller_create_total ALPHA
garbagecollector_controller_resources_sync_error_total - kinds are followed one by one
horizontal_pod_autoscaler_controller_desired_replicas ALPHA namespace hpa_name
horizontal_pod_autoscaler_controller_metric_computation_duration_seconds ALPHA action error
  metric_type
horizontal_pod_autoscaler_controller_metric_computation_total ALPHA action error metric_type
horizontal_pod_autoscaler_controller_num_horizontal_pod_autoscalers ALPHA
horizontal_pod_autoscaler_controller_reconciliation_duration_seconds ALPHA action error
horizontal_pod_autoscaler_controller_reconciliations_total ALPHA action error
job_controller_job_finished_indexes_total ALPHA backoffLimit status
job_controller_job_pods_creation_total ALPHA reason status
job_controller_job_pods_finished_total STABLE completion_mode result
job_controller_job_sync_duration_seconds STABLE action completion_mode result
job_controller_job_syncs_total STABLE action completion_mode result
job_controller_jobs_by_external_controller_total ALPHA controller_name
job_controller_jobs_finished_total STABLE completion_mode reason result
job_controller_pod_failures_handled_by_failure_policy_total ALPHA action
job_controller_terminated_pods_tracking_finalizer_total ALPHA event
node_collector_evictions_total STABLE zone
node_collector_unhealthy_nodes_in_zone ALPHA zone
node_collector_update_all_nodes_health_duration_seconds ALPHA
node_collector_update_node_health_duration_seconds ALPHA
node_collector_zone_health ALPHA zone
node_collector_zone_size ALPHA zone
node_ipam_controller_cidrset_allocation_tries_per_request ALPHA clusterCIDR
node_ipam_controller_cidrset_cidrs_allocations_total ALPHA clusterCIDR
node_ipam_controller_cidrset_cidrs_releases_total ALPHA clusterCIDR
node_ipam_controller_cidrset_usage_cidrs ALPHA clusterCIDR
node_ipam_controller_cirdset_max_cidrs ALPHA clusterCIDR
pod_gc_collector_force_delete_pod_errors_total ALPHA namespace reason
pod_gc_collector_force_delete_pods_total ALPHA namespace reason
pv_collector_bound_pv_count ALPHA storage_class
pv_collector_bound_pvc_count ALPHA namespace storage_class volume_attributes_class
pv_collector_total_pv_count ALPHA plugin_name volume_mode
pv_collector_unbound_pv_count ALPHA storage_class
pv_collector_unbound_pvc_count ALPHA namespace storage_class volume_attributes_class
replicaset_controller_sorting_deletion_age_ratio ALPHA
resourceclaim_controller_creates_total ALPHA admin_access status
resourceclaim_controller_resource_claims ALPHA admin_access allocated source
retroactive_storageclass_errors_total ALPHA
retroactive_storageclass_total ALPHA
root_ca_cert_publisher_sync_duration_seconds ALPHA code
root_ca_cert_publisher_sync_total ALPHA code
running_managed_controllers ALPHA manager name
selinux_warning_controller_selinux_volume_conflict - there is no such controller
storage_count_attachable_volumes_in_use ALPHA node volume_plugin
storage_operation_duration_seconds - others attach and provision
taint_eviction_controller_pod_deletion_duration_seconds ALPHA
taint_eviction_controller_pod_deletions_total ALPHA
ttl_after_finished_controller_job_deletion_duration_seconds ALPHA
volume_operation_total_errors - provisioners do it, and are not waited for
volume_operation_total_seconds - provisioners do it, and are not waited for
)";
constexpr char kOfScheduler[] = R"(
kube_pod_resource_limit STABLE namespace node pod priority resource scheduler unit
kube_pod_resource_request STABLE namespace node pod priority resource scheduler unit
scheduler_async_api_call_execution_duration_seconds - no request waits in a queue
scheduler_async_api_call_execution_total - no request waits in a queue
scheduler_cache_size ALPHA type
scheduler_event_handling_duration_seconds ALPHA event
scheduler_framework_extension_point_duration_seconds STABLE extension_point profile status
scheduler_goroutines - there are none
scheduler_inflight_events - events are counted by sort
scheduler_pending_async_api_calls - no request waits in a queue
scheduler_pending_pods STABLE queue
scheduler_permit_wait_duration_seconds - no rule waits at Permit
scheduler_plugin_evaluation_total ALPHA extension_point plugin profile
scheduler_plugin_execution_duration_seconds ALPHA extension_point plugin status
scheduler_pod_scheduling_attempts STABLE
scheduler_pod_scheduling_sli_duration_seconds BETA attempts
scheduler_preemption_attempts_total STABLE
scheduler_preemption_goroutines_duration_seconds - there are none
scheduler_preemption_goroutines_execution_total - there are none
scheduler_preemption_victims STABLE
scheduler_queue_incoming_pods_total STABLE event queue
scheduler_queueing_hint_execution_duration_seconds ALPHA event hint plugin
scheduler_schedule_attempts_total STABLE profile result
scheduler_scheduling_algorithm_duration_seconds ALPHA
scheduler_scheduling_attempt_duration_seconds STABLE profile result
scheduler_unschedulable_pods ALPHA plugin profile
scheduler_volume_binder_cache_requests_total - there is no such cache
scheduler_volume_scheduling_stage_error_total - told as errors of attempts
)";

struct RealMetric {
  std::string stability;  // "-": it is not here.
  std::set<std::string> labels;
};

std::map<std::string, RealMetric> ParseMetrics(const std::string& text) {
  std::map<std::string, RealMetric> metrics;
  std::istringstream lines(text);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (!line.starts_with(' ')) {
      if (!(words >> name)) continue;
      words >> metrics[name].stability;
    }
    for (std::string label; words >> label;) metrics[name].labels.insert(label);
  }
  return metrics;
}

// Of the process, as Prometheus' own libraries have them.
bool IsOfProcess(const std::string& name) {
  return name.starts_with("process_");
}

class MetricNamesTest : public testing::Test {
 protected:
  MetricNamesTest() {
    AddProgramMetrics(metrics_);
    AddCompatibilityMetric(metrics_);
    const RequestMetrics requests(metrics_);
    AddQueueMetrics(metrics_, manager_);
    AddLeaderMetrics(metrics_, component_, election_, is_started_);
  }
  // What there is, and what should be.
  void Compare(const std::string& real) const {
    const auto wanted = ParseMetrics(real);
    std::map<std::string, const MetricDescription*> ours;
    auto all = metrics_.Descriptions();
    for (const auto& each : resources_.Descriptions()) all.push_back(each);
    for (const auto& each : all) {
      if (!IsOfProcess(each.name)) ours[each.name] = &each;
    }
    for (const auto& [name, metric] : wanted) {
      const auto found = ours.find(name);
      if (metric.stability == "-") {
        EXPECT_EQ(found, ours.end()) << name << " is here: the list says that it is not";
        continue;
      }
      if (found == ours.end()) {
        ADD_FAILURE() << name << " is missing";
        continue;
      }
      const auto& labels = found->second->labels;
      EXPECT_EQ(std::set<std::string>(labels.begin(), labels.end()), metric.labels) << name;
      EXPECT_TRUE(found->second->help.starts_with("[" + metric.stability + "] "))
          << name << ": " << found->second->help;
    }
    for (const auto& [name, description] : ours) {
      EXPECT_TRUE(wanted.contains(name)) << name << " is not Kubernetes'";
    }
  }

  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
  MetricRegistry metrics_, resources_;
  const Component component_{.name = "test", .controllers = {"some"}};
  std::atomic<bool> is_started_ = false;
  LeaderElection election_{client_, clock_, random_, {.lease = {"kube-system", "test"}}};
};

TEST_F(MetricNamesTest, OfControllersAreThoseOfKubeControllerManager) {
  ControllerOptions options;
  options.root_ca = "ca";
  options.allocate_node_cidrs = true;
  options.cluster_cidrs = {"10.244.0.0/16"};
  options.metrics = options.autoscaler.metrics = &metrics_;
  AddControllers(manager_, options);
  Compare(std::string(kOfBoth) + kOfControllerManager);
}

TEST_F(MetricNamesTest, OfTheSchedulerAreThoseOfKubeScheduler) {
  scheduler::SchedulerOptions options;
  options.metrics = &metrics_;
  scheduler::AddScheduler(manager_, std::move(options));
  scheduler::AddPodResourceMetrics(resources_, manager_);
  const std::string of_controllers = "running_managed_controllers ALPHA manager name\n";
  Compare(std::string(kOfBoth) + of_controllers + kOfScheduler);
}

TEST_F(MetricNamesTest, ControllersThatLackSomethingDoNotRun) {
  using testing::Contains;
  using testing::Not;
  ControllerOptions options;
  EXPECT_THAT(RunningControllers(options), Contains("job-controller"));
  for (const char* name : {"node-ipam-controller", "root-ca-certificate-publisher-controller"}) {
    EXPECT_THAT(RunningControllers(options), Not(Contains(name)));
  }
  options.root_ca = "ca";
  options.allocate_node_cidrs = true;
  options.cluster_cidrs = {"10.244.0.0/16"};
  for (const char* name : {"node-ipam-controller", "root-ca-certificate-publisher-controller"}) {
    EXPECT_THAT(RunningControllers(options), Contains(name));
  }
  options.controllers = {"*", "-node-ipam-controller"};
  EXPECT_THAT(RunningControllers(options), Not(Contains("node-ipam-controller")));
}

TEST_F(MetricNamesTest, ControllersRunOnceTheyAreStarted) {
  const std::string line = "running_managed_controllers{name=\"some\",manager=\"test\"} 1\n";
  EXPECT_EQ(metrics_.Text().find(line), std::string::npos);
  is_started_ = true;
  EXPECT_NE(metrics_.Text().find(line), std::string::npos);
}

}  // namespace
}  // namespace skiff
