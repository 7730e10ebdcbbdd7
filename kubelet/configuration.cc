#include "kubelet/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "api/codec/decode.h"
#include "api/codec/typed.h"
#include "api/text/yaml.h"
#include "base/flags.h"
#include "kubelet/configuration_fields.h"
#include "kubelet/configuration_unused.h"

namespace skiff::kubelet {
namespace {

constexpr char kApiVersion[] = "kubelet.config.k8s.io/v1beta1";
constexpr char kKind[] = "KubeletConfiguration";

const ConfigurationField* FindField(const std::string& path) {
  const auto fields = ConfigurationFields();
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& field) { return field.path == path; });
  return found == fields.end() ? nullptr : &*found;
}

bool IsGroup(const std::string& path) {
  const auto fields = ConfigurationFields();
  return std::any_of(fields.begin(), fields.end(),
                     [&](const auto& field) { return field.path.starts_with(path + "."); });
}

std::string_view JsonWord(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  return value.is_boolean() ? "bool" : "number";
}

bool HoldsOnly(const Json& value, bool (Json::*is)() const noexcept) {
  return std::all_of(value.begin(), value.end(), [&](const Json& each) { return (each.*is)(); });
}

bool IsInteger(const Json& value, int64_t min, int64_t max) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) {  // It may be beyond what int64 holds.
    return max >= 0 && value.get<uint64_t>() <= static_cast<uint64_t>(max);
  }
  const auto number = value.get<int64_t>();
  return number >= min && number <= max;
}

bool Fits(const Json& value, std::string_view type) {
  if (type == "any") return true;
  if (type == "string" || type == "v1.Duration") return value.is_string();
  if (type == "bool") return value.is_boolean();
  if (type == "int32") {
    return IsInteger(value, std::numeric_limits<int32_t>::min(),
                     std::numeric_limits<int32_t>::max());
  }
  if (type == "int64") {
    return IsInteger(value, std::numeric_limits<int64_t>::min(),
                     std::numeric_limits<int64_t>::max());
  }
  if (type == "float64") return value.is_number();
  if (type == "[]string") return value.is_array() && HoldsOnly(value, &Json::is_string);
  if (type == "map[string]string") return value.is_object() && HoldsOnly(value, &Json::is_string);
  if (type == "map[string]bool") return value.is_object() && HoldsOnly(value, &Json::is_boolean);
  return value.is_array() && HoldsOnly(value, &Json::is_object);
}

Result<> CheckValue(const Json& value, const ConfigurationField& field) {
  if (!Fits(value, field.type)) {
    return Fail(Reason::kInvalid,
                fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}",
                            JsonWord(value), kKind, field.path, field.type));
  }
  if (field.type == "v1.Duration") TRY(ParseGoDuration(value.get<std::string>()));
  return {};
}

// Unknown fields go to `strict_errors`.
Result<> Check(const Json& object, const std::string& prefix,
               std::vector<std::string>& strict_errors) {
  for (const auto& [key, value] : object.items()) {
    const std::string path = prefix + key;
    const ConfigurationField* field = FindField(path);
    if (field == nullptr && !IsGroup(path)) {
      strict_errors.push_back(fmt::format("unknown field \"{}\"", path));
    } else if (value.is_null()) {
      continue;
    } else if (field != nullptr) {
      TRY(CheckValue(value, *field));
    } else if (!value.is_object()) {
      return Fail(Reason::kInvalid,
                  fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type object",
                              JsonWord(value), kKind, path));
    } else {
      TRY(Check(value, path + ".", strict_errors));
    }
  }
  return {};
}

// Copies checked values out of the document; those that are not there leave their targets alone.
class Reader {
 public:
  explicit Reader(const Json& document) : document_(document) {}
  void Read(const char* path, std::string& to) const { Take(path, to); }
  void Read(const char* path, bool& to) const { Take(path, to); }
  void Read(const char* path, int& to) const { Take(path, to); }
  void Read(const char* path, int64_t& to) const { Take(path, to); }
  template <typename T>
  void Read(const char* path, std::optional<T>& to) const {
    if (Find(path) != nullptr) Take(path, to.emplace());
  }
  void Read(const char* path, std::vector<std::string>& to) const { Take(path, to); }
  void Read(const char* path, KubeletConfiguration::TextMap& to) const { Take(path, to); }
  // An empty duration in the file is the default.
  void Read(const char* path, Duration& to) const {
    const Json* value = Find(path);
    if (value == nullptr) return;
    const auto parsed = ParseGoDuration(value->get<std::string>());
    if (parsed && *parsed != Duration::zero()) to = *parsed;
  }
  Result<> Read(const char* path, std::vector<core_v1::Taint>& to) const {
    const Json* value = Find(path);
    if (value == nullptr) return {};
    for (const Json& each : *value) {
      core_v1::Taint taint = TRY(FromJson<core_v1::Taint>(each));
      to.push_back(std::move(taint));
    }
    return {};
  }

  Result<> Read(const char* path, std::vector<KubeletConfiguration::ShutdownPeriod>& to) const {
    const Json* value = Find(path);
    if (value == nullptr) return {};
    const auto fail = [&] {
      return Fail(Reason::kInvalid,
                  fmt::format("json: cannot unmarshal into Go struct field {}.{} of type "
                              "[]v1beta1.ShutdownGracePeriodByPodPriority",
                              kKind, path));
    };
    if (!value->is_array()) return fail();
    for (const Json& each : *value) {
      KubeletConfiguration::ShutdownPeriod period;
      if (!each.is_object()) return fail();
      for (const auto& [name, number] : each.items()) {
        if (name != "priority" && name != "shutdownGracePeriodSeconds") {
          return Fail(Reason::kInvalid,
                      fmt::format("strict decoding error: unknown field \"{}[{}].{}\"", path,
                                  to.size(), name));
        }
        if (!Fits(number, name == "priority" ? "int32" : "int64")) return fail();
      }
      if (each.contains("priority")) period.priority = each["priority"].get<int32_t>();
      if (each.contains("shutdownGracePeriodSeconds")) {
        period.seconds = each["shutdownGracePeriodSeconds"].get<int64_t>();
      }
      to.push_back(period);
    }
    return {};
  }

  // The paths that were asked for.
  const std::set<std::string>& read() const { return read_; }

 private:
  template <typename T>
  void Take(const char* path, T& to) const {
    if (const Json* value = Find(path)) to = value->get<T>();
  }
  const Json* Find(std::string_view path) const {
    read_.emplace(path);
    const Json* at = &document_;
    while (at != nullptr) {
      const size_t dot = path.find('.');
      const auto found = at->find(std::string(path.substr(0, dot)));
      if (found == at->end() || found->is_null()) return nullptr;
      at = &*found;
      if (dot == std::string_view::npos) return at;
      path.remove_prefix(dot + 1);
    }
    return nullptr;
  }
  const Json& document_;
  mutable std::set<std::string> read_;
};

void ReadServing(const Reader& reader, KubeletConfiguration& to) {
  reader.Read("enableServer", to.enable_server);
  reader.Read("address", to.address);
  reader.Read("port", to.port);
  reader.Read("healthzBindAddress", to.healthz_bind_address);
  reader.Read("healthzPort", to.healthz_port);
  reader.Read("tlsCertFile", to.tls_cert_file);
  reader.Read("tlsPrivateKeyFile", to.tls_private_key_file);
  reader.Read("tlsMinVersion", to.tls_min_version);
  reader.Read("tlsCipherSuites", to.tls_cipher_suites);
  reader.Read("authentication.x509.clientCAFile", to.client_ca_file);
  reader.Read("authentication.webhook.enabled", to.takes_tokens);
  reader.Read("enableDebuggingHandlers", to.enable_debugging_handlers);
  reader.Read("enableSystemLogHandler", to.enable_system_log_handler);
  reader.Read("enableDebugFlagsHandler", to.enable_debug_flags_handler);
  reader.Read("staticPodPath", to.static_pod_path);
  reader.Read("fileCheckFrequency", to.file_check_frequency);
  reader.Read("logging.verbosity", to.verbosity);
  reader.Read("logging.format", to.logging_format);
}

void ReadRuntime(const Reader& reader, KubeletConfiguration& to) {
  reader.Read("containerRuntimeEndpoint", to.container_runtime_endpoint);
  reader.Read("runtimeRequestTimeout", to.runtime_request_timeout);
  reader.Read("podLogsDir", to.pod_logs_dir);
  reader.Read("containerLogMaxSize", to.container_log_max_size);
  reader.Read("containerLogMaxFiles", to.container_log_max_files);
  reader.Read("containerLogMonitorInterval", to.container_log_monitor_interval);
  reader.Read("cgroupDriver", to.cgroup_driver);
  reader.Read("cgroupRoot", to.cgroup_root);
  reader.Read("podPidsLimit", to.pod_pids_limit);
  reader.Read("cpuCFSQuota", to.cpu_cfs_quota);
  reader.Read("singleProcessOOMKill", to.single_process_oom_kill);
  reader.Read("failSwapOn", to.fail_swap_on);
  reader.Read("failCgroupV1", to.fail_cgroup_v1);
  reader.Read("enforceNodeAllocatable", to.enforce_node_allocatable);
  reader.Read("serializeImagePulls", to.serialize_image_pulls);
  reader.Read("maxParallelImagePulls", to.max_parallel_image_pulls);
  reader.Read("crashLoopBackOff.maxContainerRestartPeriod", to.max_container_restart_period);
  reader.Read("resolvConf", to.resolv_conf);
  reader.Read("clusterDNS", to.cluster_dns);
  reader.Read("clusterDomain", to.cluster_domain);
}

// A burst of 0 is what is not said.
void ReadRates(const Reader& reader, KubeletConfiguration& to) {
  const auto read_burst = [&](const char* path, int& burst) {
    int given = 0;
    reader.Read(path, given);
    if (given != 0) burst = given;
  };
  reader.Read("kubeAPIQPS", to.kube_api_qps);
  read_burst("kubeAPIBurst", to.kube_api_burst);
  reader.Read("eventRecordQPS", to.event_qps);
  read_burst("eventBurst", to.event_burst);
}

void ReadNode(const Reader& reader, KubeletConfiguration& to) {
  ReadRates(reader, to);
  reader.Read("maxPods", to.max_pods);
  reader.Read("podsPerCore", to.pods_per_core);
  reader.Read("protectKernelDefaults", to.protect_kernel_defaults);
  reader.Read("registerNode", to.register_node);
  reader.Read("providerID", to.provider_id);
  reader.Read("nodeLeaseDurationSeconds", to.node_lease_duration_seconds);
  reader.Read("nodeStatusUpdateFrequency", to.node_status_update_frequency);
  reader.Read("nodeStatusUpdateFrequency", to.node_status_report_frequency);
  if (to.node_status_report_frequency == 10s) to.node_status_report_frequency = 300s;
  reader.Read("nodeStatusReportFrequency", to.node_status_report_frequency);
  reader.Read("nodeStatusMaxImages", to.node_status_max_images);
  reader.Read("imageGCHighThresholdPercent", to.image_gc_high_threshold_percent);
  reader.Read("imageGCLowThresholdPercent", to.image_gc_low_threshold_percent);
  reader.Read("imageMinimumGCAge", to.image_minimum_gc_age);
  reader.Read("imagePullCredentialsVerificationPolicy",
              to.image_pull_credentials_verification_policy);
  reader.Read("preloadedImagesVerificationAllowlist", to.preloaded_images_verification_allowlist);
  reader.Read("imageMaximumGCAge", to.image_maximum_gc_age);
  reader.Read("evictionHard", to.eviction_hard);
  reader.Read("mergeDefaultEvictionSettings", to.merge_default_eviction_settings);
  reader.Read("evictionSoft", to.eviction_soft);
  reader.Read("evictionSoftGracePeriod", to.eviction_soft_grace_period);
  reader.Read("evictionMinimumReclaim", to.eviction_minimum_reclaim);
  reader.Read("evictionPressureTransitionPeriod", to.eviction_pressure_transition_period);
  reader.Read("evictionMaxPodGracePeriod", to.eviction_max_pod_grace_period);
  reader.Read("systemReserved", to.system_reserved);
  reader.Read("allowedUnsafeSysctls", to.allowed_unsafe_sysctls);
  reader.Read("seccompDefault", to.seccomp_default);
  reader.Read("kubeReserved", to.kube_reserved);
  reader.Read("userNamespaces.idsPerPod", to.ids_per_pod);
  reader.Read("shutdownGracePeriod", to.shutdown_grace_period);
  reader.Read("shutdownGracePeriodCriticalPods", to.shutdown_grace_period_critical_pods);
}

Result<> CheckKind(const Json& document) {
  const auto word = [&](const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
  };
  if (word("kind").empty()) {
    return Fail(Reason::kInvalid, fmt::format("Object 'Kind' is missing in '{}'", document.dump()));
  }
  if (word("apiVersion").empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("Object 'apiVersion' is missing in '{}'", document.dump()));
  }
  if (word("kind") != kKind || word("apiVersion") != kApiVersion) {
    return Fail(Reason::kInvalid, NoKindRegistered({word("apiVersion"), word("kind")}, ""));
  }
  return {};
}

}  // namespace

Result<KubeletConfiguration> DecodeKubeletConfiguration(std::string_view text) {
  const YamlDocument yaml = TRY(ParseYaml(text));
  if (!yaml.value.is_object()) {
    return Fail(Reason::kInvalid,
                fmt::format("Object 'Kind' is missing in '{}'", yaml.value.dump()));
  }
  TRY(CheckKind(yaml.value));
  std::vector<std::string> strict_errors = yaml.duplicates;
  TRY(Check(yaml.value, "", strict_errors));
  if (!strict_errors.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("strict decoding error: {}", fmt::join(strict_errors, ", ")));
  }
  KubeletConfiguration to;
  const Reader reader(yaml.value);
  ReadServing(reader, to);
  ReadRuntime(reader, to);
  ReadNode(reader, to);
  TRY(reader.Read("registerWithTaints", to.register_with_taints));
  TRY(reader.Read("shutdownGracePeriodByPodPriority", to.shutdown_periods));
  to.unused_fields = TRY(UnusedFields(yaml.value, reader.read()));
  return to;
}

Result<core_v1::Taint> ParseTaint(const std::string& text) {
  const auto invalid = [&] {
    return Fail(Reason::kInvalid, fmt::format("invalid taint spec: {}", text));
  };
  const size_t colon = text.rfind(':');
  core_v1::Taint taint;
  const std::string left = text.substr(0, colon);
  const size_t equals = left.find('=');
  taint.key = left.substr(0, equals);
  if (equals != std::string::npos) taint.value = left.substr(equals + 1);
  if (taint.key.empty() || colon == std::string::npos) return invalid();
  taint.effect = text.substr(colon + 1);
  const std::set<std::string> effects = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
  if (!effects.contains(taint.effect)) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid taint effect: {}, unsupported taint effect", taint.effect));
  }
  return taint;
}

Result<KubeletConfiguration::TextMap> ParsePairs(const std::string& flag,
                                                 const std::vector<std::string>& items,
                                                 char separator) {
  std::map<std::string, std::string> pairs;
  for (const std::string& item : items) {
    const size_t at = item.find(separator);
    if (at == std::string::npos || at == 0) {
      return Fail(Reason::kInvalid,
                  fmt::format("invalid argument \"{}\" for \"--{}\" flag: malformed pair, expect "
                              "string{}string",
                              fmt::join(items, ","), flag, separator));
    }
    pairs[item.substr(0, at)] = item.substr(at + 1);
  }
  return pairs;
}

}  // namespace skiff::kubelet
