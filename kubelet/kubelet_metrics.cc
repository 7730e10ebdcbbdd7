#include "kubelet/kubelet_metrics.h"

#include <iterator>

#include "base/build_info.h"

namespace skiff::kubelet {
namespace {

std::vector<double> Exponential(double first, double factor, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i, first *= factor) bounds.push_back(first);
  return bounds;
}

const std::vector<double> kUsual = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
const std::vector<double> kPodStart = {.5,  1,   2,   3,   4,   5,   6,    8,    10,
                                       20,  30,  45,  60,  120, 180, 240,  300,  360,
                                       480, 600, 900, 1200, 1800, 2700, 3600};
const std::vector<double> kPull = {1,   5,   10,  20,  30,  60,   120,  180,  240,
                                   300, 360, 480, 600, 900, 1200, 1800, 2700, 3600};
const std::vector<double> kResize = {10,    50,    100,   500,   1000,   2000,   5000,
                                     10000, 20000, 30000, 60000, 120000, 300000, 600000};

}  // namespace

KubeletMetrics::KubeletMetrics(const std::string& node_name)
    : runtime_operations(registry.AddCounter({"kubelet_runtime_operations_total",
                                              "[ALPHA] Calls of the container runtime.",
                                              {"operation_type"}})),
      runtime_operation_errors(registry.AddCounter({"kubelet_runtime_operations_errors_total",
                                                    "[ALPHA] Those of them that failed.",
                                                    {"operation_type"}})),
      runtime_operation_seconds(
          registry.AddHistogram({"kubelet_runtime_operations_duration_seconds",
                                 "[ALPHA] How long calls of the container runtime took.",
                                 {"operation_type"}},
                                Exponential(.005, 2.5, 14))),
      sandbox_seconds(registry.AddHistogram({"kubelet_run_podsandbox_duration_seconds",
                                             "[ALPHA] How long sandboxes took to be made.",
                                             {"runtime_handler"}},
                                            kUsual)),
      sandbox_errors(registry.AddCounter({"kubelet_run_podsandbox_errors_total",
                                          "[ALPHA] Sandboxes that could not be made.",
                                          {"runtime_handler"}})),
      started_pods(registry.AddCounter(
          {"kubelet_started_pods_total", "[ALPHA] Pods that a sandbox was begun for."})),
      started_pod_errors(registry.AddCounter(
          {"kubelet_started_pods_errors_total", "[ALPHA] Those whose sandbox was not made."})),
      started_user_pods(registry.AddCounter({"kubelet_started_user_namespaced_pods_total",
                                             "[ALPHA] Those of them with users of their own."})),
      started_user_pod_errors(registry.AddCounter(
          {"kubelet_started_user_namespaced_pods_errors_total",
           "[ALPHA] Those with users of their own whose sandbox was not made."})),
      started_containers(registry.AddCounter({"kubelet_started_containers_total",
                                              "[ALPHA] Containers whose start was begun.",
                                              {"container_type"}})),
      started_container_errors(registry.AddCounter({"kubelet_started_containers_errors_total",
                                                    "[ALPHA] Those that did not start, and why.",
                                                    {"code", "container_type"}})),
      requested_image_volumes(registry.AddCounter(
          {"kubelet_image_volume_requested_total", "[BETA] Image volumes that were asked for."})),
      mounted_image_volumes(registry.AddCounter(
          {"kubelet_image_volume_mounted_succeed_total", "[BETA] Mounts of them that were made."})),
      image_volume_errors(registry.AddCounter({"kubelet_image_volume_mounted_errors_total",
                                               "[BETA] Mounts of them that could not be made."})),
      containers_per_pod(registry.AddHistogram(
          {"kubelet_containers_per_pod_count", "[ALPHA] Containers of the pods that came here."},
          Exponential(1, 2, 5))),
      worker_seconds(registry.AddHistogram(
          {"kubelet_pod_worker_duration_seconds",
           "[ALPHA] How long a pod's worker took to look at it and act, once.",
           {"operation_type"}},
          kUsual)),
      worker_start_seconds(
          registry.AddHistogram({"kubelet_pod_worker_start_duration_seconds",
                                 "[ALPHA] From the first sight of a pod to its worker's start."},
                                kUsual)),
      pod_start_seconds(
          registry.AddHistogram({"kubelet_pod_start_duration_seconds",
                                 "[ALPHA] From the first sight of a pod until it ran."},
                                kPodStart)),
      image_pull_seconds(registry.AddHistogram({"kubelet_image_pull_duration_seconds",
                                                "[ALPHA] How long images took to be pulled.",
                                                {"image_size_in_bytes"}},
                                               kPull)),
      cgroup_seconds(registry.AddHistogram({"kubelet_cgroup_manager_duration_seconds",
                                            "[ALPHA] How long cgroups of pods took to be written.",
                                            {"operation_type"}},
                                           kUsual)),
      storage_seconds(
          registry.AddHistogram({"storage_operation_duration_seconds",
                                 "[ALPHA] How long operations on volumes took.",
                                 {"migrated", "operation_name", "status", "volume_plugin"}},
                                {.1, .25, .5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600})),
      evictions(registry.AddCounter({"kubelet_evictions",
                                     "[ALPHA] Pods that had to go, by what was short.",
                                     {"eviction_signal"}})),
      preemptions(registry.AddCounter({"kubelet_preemptions",
                                       "[ALPHA] Pods that made room for a critical one, by what "
                                       "was short.",
                                       {"preemption_signal"}})),
      refusals(registry.AddCounter({"kubelet_admission_rejections_total",
                                    "[ALPHA] Pods that were not taken, and why.",
                                    {"reason"}})),
      requested_resizes(
          registry.AddCounter({"kubelet_container_requested_resizes_total",
                               "[ALPHA] Amounts of containers that a pod's spec has changed.",
                               {"resource", "requirement", "operation"}})),
      infeasible_resizes(registry.AddCounter({"kubelet_pod_infeasible_resizes_total",
                                              "[ALPHA] Resizes that this node can never make.",
                                              {"reason_detail"}})),
      accepted_resizes(registry.AddCounter({"kubelet_pod_deferred_accepted_resizes_total",
                                            "[ALPHA] Resizes that had to wait for room.",
                                            {"retry_trigger"}})),
      resize_milliseconds(registry.AddHistogram({"kubelet_pod_resize_duration_milliseconds",
                                                 "[ALPHA] How long a resize took to be made.",
                                                 {"success"}},
                                                kResize)),
      hook_fallbacks(registry.AddCounter(
          {"kubelet_lifecycle_handler_http_fallbacks_total",
           "[ALPHA] Hooks by HTTPS that were answered by HTTP alone."})),
      shortened_sleeps(registry.AddCounter({"kubelet_sleep_action_terminated_early_total",
                                            "[ALPHA] Hooks whose sleep was cut short."})),
      credential_plugin_errors(
          registry.AddCounter({"kubelet_credential_provider_plugin_errors_total",
                               "[ALPHA] Programs for credentials of images that failed.",
                               {"plugin_name"}})),
      credential_plugin_seconds(
          registry.AddHistogram({"kubelet_credential_provider_plugin_duration",
                                 "[ALPHA] How long such programs took.",
                                 {"plugin_name"}},
                                kUsual)),
      http_requests(registry.AddCounter({"kubelet_http_requests_total",
                                         "[ALPHA] Requests to this kubelet's server.",
                                         {"long_running", "method", "path", "server_type"}})),
      http_seconds(registry.AddHistogram({"kubelet_http_requests_duration_seconds",
                                          "[ALPHA] How long their answers took.",
                                          {"long_running", "method", "path", "server_type"}},
                                         kUsual)),
      dra(registry),
      devices(registry),
      pod_resources(registry) {
  AddProgramMetrics(registry);
  registry.AddMeasured({"kubelet_node_name", "[ALPHA] The name of this node: 1.", {"node"}},
                       [node_name] { return std::vector<Sample>{{{node_name}, 1}}; });
  probes.AddTo(probe_registry);
  probe_registry.AddProcessMetrics();
  level_registry.AddProcessMetrics();
}

std::string_view ImageSizeClass(uint64_t bytes) {
  constexpr uint64_t kMega = 1024 * 1024, kGiga = 1024 * kMega;
  constexpr struct {
    uint64_t above;
    std::string_view name;
  } kClasses[] = {{100 * kGiga, "GT100GB"},     {60 * kGiga, "60GB-100GB"},
                  {40 * kGiga, "40GB-60GB"},    {30 * kGiga, "30GB-40GB"},
                  {20 * kGiga, "20GB-30GB"},    {10 * kGiga, "10GB-20GB"},
                  {5 * kGiga, "5GB-10GB"},      {kGiga, "1GB-5GB"},
                  {500 * kMega, "500MB-1GB"},   {100 * kMega, "100MB-500MB"},
                  {10 * kMega, "10MB-100MB"},   {0, "0-10MB"}};
  for (const auto& each : kClasses) {
    if (bytes > each.above) return each.name;
  }
  return "N/A";  // Nobody said how large it is.
}

double InSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace skiff::kubelet
