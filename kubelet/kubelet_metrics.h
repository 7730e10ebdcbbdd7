// What a kubelet counts and times of its own work: /metrics, in the names that dashboards and
// alerts know. What there is nothing of here (relists, CPU pinning) is not there.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "kubelet/devices/device_manager.h"
#include "kubelet/dra/dra_metrics.h"
#include "kubelet/pod_resources/pod_resources_metrics.h"
#include "kubelet/probes/probe_metrics.h"

namespace skiff::kubelet {

// Thread-safe. One of each kubelet of a machine's; simulated ones have none.
class KubeletMetrics {
 public:
  explicit KubeletMetrics(const std::string& node_name);

  MetricRegistry registry;
  CounterFamily& runtime_operations;         // operation_type
  CounterFamily& runtime_operation_errors;   // operation_type
  HistogramFamily& runtime_operation_seconds;  // operation_type
  HistogramFamily& sandbox_seconds;          // runtime_handler
  CounterFamily& sandbox_errors;             // runtime_handler
  CounterFamily& started_pods;
  CounterFamily& started_pod_errors;
  CounterFamily& started_user_pods;  // With users of their own.
  CounterFamily& started_user_pod_errors;
  CounterFamily& started_containers;         // container_type
  CounterFamily& started_container_errors;   // code, container_type
  CounterFamily& requested_image_volumes;
  CounterFamily& mounted_image_volumes;
  CounterFamily& image_volume_errors;
  HistogramFamily& containers_per_pod;
  HistogramFamily& worker_seconds;           // operation_type
  HistogramFamily& worker_start_seconds;
  HistogramFamily& pod_start_seconds;
  HistogramFamily& image_pull_seconds;       // image_size_in_bytes
  HistogramFamily& cgroup_seconds;           // operation_type
  HistogramFamily& storage_seconds;          // migrated, operation_name, status, volume_plugin
  CounterFamily& evictions;                  // eviction_signal
  CounterFamily& preemptions;                // preemption_signal
  CounterFamily& refusals;                   // reason
  CounterFamily& requested_resizes;          // resource, requirement, operation
  CounterFamily& infeasible_resizes;         // reason_detail
  CounterFamily& accepted_resizes;           // retry_trigger
  HistogramFamily& resize_milliseconds;      // success
  CounterFamily& hook_fallbacks;             // To HTTP, where no TLS is spoken.
  CounterFamily& shortened_sleeps;           // Of hooks whose pod may not wait as long.
  CounterFamily& credential_plugin_errors;   // plugin_name
  HistogramFamily& credential_plugin_seconds;  // plugin_name
  CounterFamily& http_requests;              // long_running, method, path, server_type
  HistogramFamily& http_seconds;             // The same.
  ProbeMetrics probes;
  dra::DraMetrics dra;
  devices::DeviceMetrics devices;
  PodResourcesMetrics pod_resources;

  // A registry of its own: /metrics/probes.
  MetricRegistry probe_registry;
  MetricRegistry level_registry;  // /metrics/slis
};

// "100MB-500MB": which class of sizes an image of so many bytes belongs to. Pure.
std::string_view ImageSizeClass(uint64_t bytes);

double InSeconds(Duration duration);

}  // namespace skiff::kubelet
