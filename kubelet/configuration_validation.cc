// What a KubeletConfiguration must not say, in the kubelet's words. Pure.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/flags.h"
#include "kubelet/configuration.h"
#include "kubelet/pulled_images.h"

namespace skiff::kubelet {
namespace {

// Collects all that is wrong.
class Checks {
 public:
  void Holds(bool holds, const std::string& text) {
    if (!holds) wrong_.push_back("invalid configuration: " + text);
  }
  template <typename Number>
  void IsWithin(Number value, Number min, Number max, std::string_view name) {
    Holds(value >= min && value <= max,
          fmt::format("{} {} must be between {} and {}, inclusive", name, value, min, max));
  }
  Result<> Outcome() const {
    if (wrong_.empty()) return {};
    return Fail(Reason::kInvalid,
                wrong_.size() == 1 ? wrong_.front() : fmt::format("[{}]", fmt::join(wrong_, ", ")));
  }

 private:
  std::vector<std::string> wrong_;
};

void CheckServing(const KubeletConfiguration& given, Checks& checks) {
  // 0 is nobody's port, and may be given all the same where nothing is to be served.
  checks.Holds(given.healthz_port >= 0 && given.healthz_port <= 65535,
               fmt::format("healthzPort (--healthz-port) {} must be between 1 and 65535, inclusive",
                           given.healthz_port));
  checks.IsWithin(given.port, 1, 65535, "port (--port)");
  checks.Holds(given.logging_format == "text" || given.logging_format == "json",
               fmt::format("logging.format: Invalid value: \"{}\": Unsupported log format",
                           given.logging_format));
}

void CheckImages(const KubeletConfiguration& given, Checks& checks) {
  const int high = given.image_gc_high_threshold_percent;
  const int low = given.image_gc_low_threshold_percent;
  checks.IsWithin(high, 0, 100, "imageGCHighThresholdPercent (--image-gc-high-threshold)");
  checks.IsWithin(low, 0, 100, "imageGCLowThresholdPercent (--image-gc-low-threshold)");
  checks.Holds(low < high,
               fmt::format("imageGCLowThresholdPercent (--image-gc-low-threshold) {} must be less "
                           "than imageGCHighThresholdPercent (--image-gc-high-threshold) {}",
                           low, high));
  const Duration oldest = given.image_maximum_gc_age, youngest = given.image_minimum_gc_age;
  checks.Holds(oldest >= 0s,
               fmt::format("imageMaximumGCAge {} must not be negative", GoDurationText(oldest)));
  checks.Holds(oldest <= 0s || oldest > youngest,
               fmt::format("imageMaximumGCAge {} must be greater than imageMinimumGCAge {}",
                           GoDurationText(oldest), GoDurationText(youngest)));
  const auto& at_once = given.max_parallel_image_pulls;
  checks.Holds(
      !at_once || *at_once >= 1,
      fmt::format("maxParallelImagePulls {} must be a positive number", at_once.value_or(0)));
  checks.Holds(!given.PullsOneByOne() || at_once.value_or(1) <= 1,
               "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls "
               "(--serialize-image-pulls) is set to false");
}

void CheckVerification(const KubeletConfiguration& given, Checks& checks) {
  const std::string& policy = given.image_pull_credentials_verification_policy;
  checks.Holds(PullVerificationOf(policy).has_value(),
               fmt::format("option \"{}\" specified for imagePullCredentialsVerificationPolicy. "
                           "Valid options are \"NeverVerify\", \"NeverVerifyPreloadedImages\", "
                           "\"NeverVerifyAllowlistedImages\" or \"AlwaysVerify\"",
                           policy));
  const auto& allowlist = given.preloaded_images_verification_allowlist;
  if (!allowlist.empty() && policy != "NeverVerifyAllowlistedImages") {
    checks.Holds(false,
                 "can't set `preloadedImagesVerificationAllowlist` if "
                 "`imagePullCredentialsVertificationPolicy` is not "
                 "\"NeverVerifyAllowlistedImages\"");
    return;
  }
  for (const std::string& pattern : allowlist) {
    const auto good = CheckImagePattern(pattern);
    checks.Holds(good.has_value(),
                 "invalid image pattern in `preloadedImagesVerificationAllowlist`: " +
                     (good ? "" : good.error().message));
  }
}

// Only what pods have of the node can be held to.
void CheckEnforced(const KubeletConfiguration& given, Checks& checks) {
  const auto& enforced = given.enforce_node_allocatable;
  const std::set<std::string> names = {"pods",
                                       "system-reserved",
                                       "system-reserved-compressible",
                                       "kube-reserved",
                                       "kube-reserved-compressible",
                                       "none"};
  std::set<std::string> seen;
  for (const std::string& name : enforced) {
    if (!seen.insert(name).second) {
      checks.Holds(false, fmt::format("duplicated enforcements \"{}\" in enforceNodeAllocatable "
                                      "(--enforce-node-allocatable)",
                                      name));
      continue;
    }
    checks.Holds(name != "none" || enforced.size() == 1,
                 "enforceNodeAllocatable (--enforce-node-allocatable) may not contain additional "
                 "enforcements when \"none\" is specified");
    checks.Holds(names.contains(name),
                 fmt::format("option \"{}\" specified for enforceNodeAllocatable "
                             "(--enforce-node-allocatable). Valid options are \"pods\", "
                             "\"system-reserved\", \"system-reserved-compressible\", "
                             "\"kube-reserved\", \"kube-reserved-compressible\" or \"none\"",
                             name));
    // Their cgroups cannot be named here.
    for (const std::string of : {"system", "kube"}) {
      checks.Holds(!name.starts_with(of + "-reserved") || !names.contains(name),
                   fmt::format("{0}ReservedCgroup (--{0}-reserved-cgroup) must be specified when "
                               "\"{0}-reserved\" or \"{0}-reserved-compressible\" included in "
                               "enforceNodeAllocatable (--enforce-node-allocatable)",
                               of));
    }
  }
}

void CheckContainers(const KubeletConfiguration& given, Checks& checks) {
  checks.Holds(given.container_log_max_files >= 2, "containerLogMaxFiles must be greater than 1");
  checks.Holds(given.container_log_monitor_interval >= 3s,
               "containerLogMonitorInterval must be a positive time duration greater than or equal "
               "to 3s");
  const auto size = Quantity::Parse(given.container_log_max_size);
  checks.Holds(size && size->Value() > 0,
               fmt::format("containerLogMaxSize \"{}\" must be a positive quantity",
                           given.container_log_max_size));
  const Duration period = given.max_container_restart_period;
  checks.Holds(period >= 1s && period <= 300s,
               fmt::format("CrashLoopBackOff.MaxContainerRestartPeriod (got: {:g} seconds) must be "
                           "set between 1s and 300s",
                           std::chrono::duration<double>(period).count()));
  checks.Holds(!given.container_runtime_endpoint.empty(),
               "the containerRuntimeEndpoint was not specified or empty");
  checks.Holds(given.cgroup_driver == "cgroupfs" || given.cgroup_driver == "systemd",
               fmt::format("cgroupDriver (--cgroup-driver) \"{}\" must be \"cgroupfs\" or "
                           "\"systemd\"",
                           given.cgroup_driver));
  checks.Holds(given.pod_pids_limit <= 0 || given.cgroup_driver == "cgroupfs",
               "podPidsLimit (--pod-max-pids) cannot be had with the cgroup driver \"systemd\", "
               "which makes pods' cgroups itself");
  const auto& enforced = given.enforce_node_allocatable;
  const bool limits = std::count(enforced.begin(), enforced.end(), "pods") > 0 &&
                      given.system_reserved.count("pid") + given.kube_reserved.count("pid") > 0;
  checks.Holds(!limits || given.cgroup_driver == "cgroupfs",
               "pid of systemReserved (--system-reserved) and kubeReserved (--kube-reserved) "
               "cannot be had with the cgroup driver \"systemd\", which makes pods' cgroups itself");
}

void CheckRates(const KubeletConfiguration& given, Checks& checks) {
  const auto check = [&](const char* name, int rate) {
    checks.Holds(rate >= 0, fmt::format("{} {} must not be a negative number", name, rate));
  };
  check("eventBurst (--event-burst)", given.event_burst);
  check("eventRecordQPS (--event-qps)", given.event_qps);
  check("kubeAPIBurst (--kube-api-burst)", given.kube_api_burst);
  check("kubeAPIQPS (--kube-api-qps)", given.kube_api_qps);
}

void CheckNode(const KubeletConfiguration& given, Checks& checks) {
  CheckRates(given, checks);
  checks.Holds(given.node_lease_duration_seconds > 0,
               "nodeLeaseDurationSeconds must be greater than 0");
  checks.Holds(given.max_pods >= 0, fmt::format("maxPods (--max-pods) {} must not be a negative "
                                                "number",
                                                given.max_pods));
  checks.Holds(given.pods_per_core >= 0,
               fmt::format("podsPerCore (--pods-per-core) {} must not be a negative number",
                           given.pods_per_core));
  checks.Holds(given.node_status_max_images >= -1,
               fmt::format("nodeStatusMaxImages (--node-status-max-images) {} must be -1 or "
                           "greater",
                           given.node_status_max_images));
}

void CheckShutdown(const KubeletConfiguration& given, Checks& checks) {
  const Duration all = given.shutdown_grace_period;
  const Duration critical = given.shutdown_grace_period_critical_pods;
  checks.Holds(critical <= all,
               fmt::format("shutdownGracePeriodCriticalPods {{{}}} must be <= shutdownGracePeriod "
                           "{{{}}}",
                           GoDurationText(critical), GoDurationText(all)));
  const auto is_good = [](Duration time) { return time == 0s || time >= 1s; };
  checks.Holds(is_good(all),
               fmt::format("shutdownGracePeriod {{{}}} must be either zero or otherwise >= 1 sec",
                           GoDurationText(all)));
  checks.Holds(
      is_good(critical),
      fmt::format("shutdownGracePeriodCriticalPods {{{}}} must be either zero or otherwise "
                  ">= 1 sec",
                  GoDurationText(critical)));
  checks.Holds(given.shutdown_periods.empty() || (all <= 0s && critical <= 0s),
               "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at "
               "the same time");
}

void CheckUserNamespaces(const KubeletConfiguration& given, Checks& checks) {
  constexpr int64_t kUnit = 65'536, kMost = (int64_t{1} << 32) - 1;
  const int64_t ids = given.ids_per_pod;
  checks.Holds(ids >= kUnit,
               fmt::format("userNamespaces.idsPerPod must not be less than {}", kUnit));
  checks.Holds(ids % kUnit == 0,
               fmt::format("userNamespaces.idsPerPod must be a multiple of {}", kUnit));
  checks.Holds(ids <= kMost,
               fmt::format("userNamespaces.idsPerPod must not be more than {}", kMost));
}

Result<> CheckReserved(const char* flag, const KubeletConfiguration::TextMap& reserved) {
  const std::set<std::string> names = {"cpu", "memory", "ephemeral-storage", "pid"};
  const auto fail = [&](const std::string& why) {
    return Fail(Reason::kInvalid, fmt::format("--{} value failed to parse: {}", flag, why));
  };
  for (const auto& [name, text] : reserved) {
    if (!names.contains(name)) return fail(fmt::format("cannot reserve \"{}\" resource", name));
    const auto amount = Quantity::Parse(text);
    if (!amount) {
      return fail(fmt::format("failed to parse quantity \"{}\" for \"{}\" resource: {}", text, name,
                              amount.error().message));
    }
    if (amount->Value() < 0) {
      return fail(fmt::format("resource quantity for \"{}\" cannot be negative: {}", name, text));
    }
  }
  return {};
}

}  // namespace

Result<> ValidateKubeletConfiguration(const KubeletConfiguration& given) {
  Checks checks;
  CheckNode(given, checks);
  CheckShutdown(given, checks);
  CheckUserNamespaces(given, checks);
  CheckServing(given, checks);
  CheckImages(given, checks);
  CheckVerification(given, checks);
  CheckContainers(given, checks);
  CheckEnforced(given, checks);
  TRY(checks.Outcome());
  TRY(CheckReserved("kube-reserved", given.kube_reserved));
  return CheckReserved("system-reserved", given.system_reserved);
}

}  // namespace skiff::kubelet
