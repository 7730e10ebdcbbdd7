// The configuration as /configz shows it. Pure.
#include "base/flags.h"
#include "kubelet/configuration.h"
#include "kubelet/eviction.h"

namespace skiff::kubelet {
namespace {

Json OfAccess(const KubeletConfiguration& of) {
  return {{"authentication",
           {{"x509", {{"clientCAFile", of.client_ca_file}}},
            {"webhook", {{"enabled", of.takes_tokens}, {"cacheTTL", "2m0s"}}},
            {"anonymous", {{"enabled", false}}}}},
          {"authorization",
           {{"mode", "Webhook"},
            {"webhook", {{"cacheAuthorizedTTL", "5m0s"}, {"cacheUnauthorizedTTL", "30s"}}}}},
          {"enableDebuggingHandlers", of.enable_debugging_handlers},
          {"enableProfilingHandler", false},
          {"enableDebugFlagsHandler", of.enable_debug_flags_handler},
          {"enableSystemLogHandler", of.enable_system_log_handler},
          {"enableSystemLogQuery", false}};
}

Json OfServing(const KubeletConfiguration& of) {
  return {{"enableServer", of.enable_server},
          {"address", of.address},
          {"port", of.port},
          {"healthzPort", of.healthz_port},
          {"healthzBindAddress", of.healthz_bind_address},
          {"logging", {{"format", of.logging_format}, {"verbosity", of.verbosity}}},
          {"fileCheckFrequency", GoDurationText(of.file_check_frequency)},
          {"podLogsDir", of.pod_logs_dir},
          {"containerLogMaxSize", of.container_log_max_size},
          {"containerLogMaxFiles", of.container_log_max_files},
          {"containerLogMonitorInterval", GoDurationText(of.container_log_monitor_interval)}};
}

Json OfRuntime(const KubeletConfiguration& of) {
  return {{"containerRuntimeEndpoint", of.container_runtime_endpoint},
          {"runtimeRequestTimeout", GoDurationText(of.runtime_request_timeout)},
          {"serializeImagePulls", of.PullsOneByOne()},
          {"imageGCHighThresholdPercent", of.image_gc_high_threshold_percent},
          {"imageGCLowThresholdPercent", of.image_gc_low_threshold_percent},
          {"imageMinimumGCAge", GoDurationText(of.image_minimum_gc_age)},
          {"imageMaximumGCAge", GoDurationText(of.image_maximum_gc_age)},
          {"imagePullCredentialsVerificationPolicy", of.image_pull_credentials_verification_policy},
          {"cgroupDriver", of.cgroup_driver},
          {"cgroupsPerQOS", true},
          {"cpuManagerPolicy", "none"},
          {"memoryManagerPolicy", "None"},
          {"topologyManagerPolicy", "none"},
          {"topologyManagerScope", "container"},
          {"cpuCFSQuota", of.cpu_cfs_quota},
          {"cpuCFSQuotaPeriod", "100ms"},
          {"podPidsLimit", of.pod_pids_limit},
          {"seccompDefault", of.seccomp_default},
          {"failSwapOn", of.fail_swap_on},
          {"failCgroupV1", of.fail_cgroup_v1},
          {"localStorageCapacityIsolation", true},
          {"enableControllerAttachDetach", true},
          {"configMapAndSecretChangeDetectionStrategy", "Watch"},
          {"crashLoopBackOff",
           {{"maxContainerRestartPeriod", GoDurationText(of.max_container_restart_period)}}}};
}

Json OfNode(const KubeletConfiguration& of) {
  return {
      {"kubeAPIQPS", of.kube_api_qps},
      {"kubeAPIBurst", of.kube_api_burst},
      {"eventRecordQPS", of.event_qps},
      {"eventBurst", of.event_burst},
      {"maxPods", of.max_pods},
      {"registerNode", of.register_node},
      {"resolvConf", of.resolv_conf},
      {"nodeLeaseDurationSeconds", of.node_lease_duration_seconds},
      {"nodeStatusUpdateFrequency", GoDurationText(of.node_status_update_frequency)},
      {"nodeStatusReportFrequency", GoDurationText(of.node_status_report_frequency)},
      {"nodeStatusMaxImages", of.node_status_max_images},
      {"enforceNodeAllocatable", of.enforce_node_allocatable},
      {"evictionPressureTransitionPeriod", GoDurationText(of.eviction_pressure_transition_period)},
      {"shutdownGracePeriod", GoDurationText(of.shutdown_grace_period)},
      {"shutdownGracePeriodCriticalPods", GoDurationText(of.shutdown_grace_period_critical_pods)},
      {"mergeDefaultEvictionSettings", of.merge_default_eviction_settings}};
}

// What kube's encoder leaves out where it is nothing.
void AddGiven(const KubeletConfiguration& of, Json& shown) {
  const auto add = [&](const char* name, const auto& value) {
    if (!(value == std::decay_t<decltype(value)>())) shown[name] = value;
  };
  add("tlsCertFile", of.tls_cert_file);
  add("tlsPrivateKeyFile", of.tls_private_key_file);
  add("staticPodPath", of.static_pod_path);
  add("cgroupRoot", of.cgroup_root);
  add("clusterDNS", of.cluster_dns);
  add("clusterDomain", of.cluster_domain);
  add("podsPerCore", of.pods_per_core);
  add("protectKernelDefaults", of.protect_kernel_defaults);
  add("providerID", of.provider_id);
  add("evictionSoft", of.eviction_soft);
  add("evictionSoftGracePeriod", of.eviction_soft_grace_period);
  add("evictionMinimumReclaim", of.eviction_minimum_reclaim);
  add("evictionMaxPodGracePeriod", of.eviction_max_pod_grace_period);
  add("singleProcessOOMKill", of.single_process_oom_kill);
  add("systemReserved", of.system_reserved);
  add("kubeReserved", of.kube_reserved);
  add("preloadedImagesVerificationAllowlist", of.preloaded_images_verification_allowlist);
  add("allowedUnsafeSysctls", of.allowed_unsafe_sysctls);
}

}  // namespace

Json ShownConfiguration(const KubeletConfiguration& configuration) {
  Json shown = Json::object();
  for (const Json& part : {OfAccess(configuration), OfServing(configuration),
                           OfRuntime(configuration), OfNode(configuration)}) {
    shown.update(part);
  }
  AddGiven(configuration, shown);
  if (configuration.max_parallel_image_pulls) {
    shown["maxParallelImagePulls"] = *configuration.max_parallel_image_pulls;
  }
  for (const auto& taint : configuration.register_with_taints) {
    Json& each = shown["registerWithTaints"].emplace_back();
    each = {{"key", taint.key}, {"effect", taint.effect}};
    if (!taint.value.empty()) each["value"] = taint.value;
  }
  for (const auto& period : configuration.shutdown_periods) {
    shown["shutdownGracePeriodByPodPriority"].push_back(
        {{"priority", period.priority}, {"shutdownGracePeriodSeconds", period.seconds}});
  }
  shown["evictionHard"] = configuration.eviction_hard.value_or(DefaultHardThresholds());
  return {{"kubeletconfig", std::move(shown)}};
}

}  // namespace skiff::kubelet
