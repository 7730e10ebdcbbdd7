#include "apiserver/server/unused_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "apiserver/request/api_errors.h"
#include "base/feature_gates.h"
#include "base/metric_flags.h"
#include "base/text.h"

namespace skiff {
namespace {

tl::unexpected<Error> Refused(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

template <typename Number>
std::optional<Number> NumberIn(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string RefusalOfMediaType(const std::string& value) {
  for (const char* known :
       {"", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"}) {
    if (value == known) return "";
  }
  return fmt::format(
      "--storage-media-type {} invalid, allowed values: application/json, "
      "application/vnd.kubernetes.protobuf, application/yaml",
      Quoted(value));
}

// "RESOURCE[.GROUP]#SIZE,..."
std::string RefusalOfCacheSizes(const std::string& value) {
  for (size_t at = 0; at < value.size();) {
    const size_t comma = std::min(value.find(',', at), value.size());
    const std::string item = value.substr(at, comma - at);
    at = comma + 1;
    if (std::count(item.begin(), item.end(), '#') != 1) {
      return "invalid value of watch cache size: " + item;
    }
    const auto size = NumberIn<int64_t>(std::string_view(item).substr(item.find('#') + 1));
    if (!size) return "invalid size of watch cache size: " + item;
    if (*size < 0) return "watch cache size cannot be negative: " + item;
  }
  return "";
}

std::string RefusalOfServiceNodePort(const std::string& value) {
  constexpr int kPortMax = 65535;
  const auto port = NumberIn<int>(value);
  if (!port) {
    return fmt::format(
        "invalid argument {0} for \"--kubernetes-service-node-port\" flag: "
        "strconv.ParseInt: parsing {0}: invalid syntax",
        Quoted(value));
  }
  if (*port == 0) return "";
  if (*port > 0 && *port <= kPortMax) {
    return "--kubernetes-service-node-port cannot be had here, and must not be ignored: the "
           "service "
           "\"kubernetes\" has its cluster IP alone";
  }
  return fmt::format(
      "--kubernetes-service-node-port {} must be between 0 and 65535, inclusive. If "
      "0, the Kubernetes master service will be of type ClusterIP",
      *port);
}

std::string RefusalOfGrace(const char* flag, const std::string& value, const char* negative) {
  const auto time = ParseGoDuration(value);
  if (time) return *time < Duration(0) ? negative : "";
  return fmt::format("invalid argument {} for \"--{}\" flag: {}", Quoted(value), flag,
                     time.error().message);
}
std::string RefusalOfWatchGrace(const std::string& value) {
  return RefusalOfGrace(
      "shutdown-watch-termination-grace-period", value,
      "shutdown-watch-termination-grace-period, if provided, can not be a negative value");
}
std::string RefusalOfLivezGrace(const std::string& value) {
  return RefusalOfGrace("livez-grace-period", value,
                        "--livez-grace-period can not be a negative value");
}

std::string RefusalOfAuditVersion(const std::string& value) {
  if (value == "audit.k8s.io/v1") return "";
  if (std::count(value.begin(), value.end(), '/') > 1) {
    return "unexpected GroupVersion string: " + value;
  }
  return "invalid group version, allowed versions are [\"audit.k8s.io/v1\"]";
}

bool IsOn(const std::string& value) {
  return !value.empty() && std::string_view("1tT").find(value[0]) != std::string_view::npos;
}

std::string RefusalOfForwardCompatible(const std::string& value) {
  if (!IsOn(value)) return "";
  return "ServerRunOptions.EmulationForwardCompatible cannot be set to true if the emulation "
         "version is the same as the binary version";
}
std::string RefusalOfForwardConfig(const std::string& value) {
  if (!IsOn(value)) return "";
  return "ServerRunOptions.RuntimeConfigEmulationForwardCompatible cannot be set to true if the "
         "emulation version is the same as the binary version";
}

constexpr bool kSwitch = true;
constexpr bool kRefused = true;

void AddUnusedStoreFlags(Flags& flags) {
  for (const char* name : {"etcd-count-metric-poll-period", "etcd-db-metric-poll-interval"}) {
    flags.AddUnused({name, "what etcd holds is not counted"});
  }
  for (const char* name : {"etcd-healthcheck-timeout", "etcd-readycheck-timeout"}) {
    flags.AddUnused({.name = name,
                     .why = "how long a check of etcd may take is fixed",
                     .value = UnusedValue::kNotNegativeDuration});
  }
  flags.AddUnused({"lease-reuse-duration-seconds", "it is 60", {"60"}});
  flags.AddUnused({.name = "storage-media-type",
                   .why = "objects are kept as JSON",
                   .same = {"", "application/json"}});
  flags.AddUnused({"watch-cache", "events are always kept in memory", {"true"}, kSwitch});
  flags.AddUnused({.name = "watch-cache-sizes",
                   .why = "so many events are kept as there is room for",
                   .same = {""}});
  flags.AddUnused(
      {"etcd-servers-overrides", "all objects are in one store", {""}, !kSwitch, kRefused});
}

// Of what is looked at before something is done.
void AddUnusedAccessFlags(Flags& flags) {
  flags.AddUnused({"admission-control",
                   "--enable-admission-plugins and --disable-admission-plugins say which there are",
                   {""},
                   !kSwitch,
                   kRefused});
}

// Of other servers, and of what is told of this one.
void AddUnusedServerFlags(Flags& flags) {
  flags.AddUnused({"egress-selector-config-file",
                   "the server connects to nodes and others itself",
                   {""},
                   !kSwitch,
                   kRefused});
  flags.AddUnused({"tracing-config-file", "no traces are made", {""}});
  flags.AddUnused({"debug-socket-path", "no profiles are served", {""}});
  flags.AddUnused({"contention-profiling", "no profiles are served", {"false"}, kSwitch});
  for (const char* name : {"peer-ca-file", "peer-advertise-ip", "peer-advertise-port"}) {
    flags.AddUnused({name, "no request is sent on to a server of another version", {""}});
  }
  for (const char* name :
       {"coordinated-leadership-lease-duration", "coordinated-leadership-renew-deadline",
        "coordinated-leadership-retry-period"}) {
    flags.AddUnused({.name = name,
                     .why = "leaders are elected by those who want to lead",
                     .value = UnusedValue::kNotNegativeDuration});
  }
  constexpr const char* kOneVersion = "no other version is emulated";
  flags.AddUnused({.name = "emulation-forward-compatible",
                   .why = kOneVersion,
                   .same = {"false"},
                   .is_switch = true});
  flags.AddUnused({.name = "runtime-config-emulation-forward-compatible",
                   .why = kOneVersion,
                   .same = {"false"},
                   .is_switch = true});
}

// "" where kube-apiserver takes the value.
constexpr std::pair<std::string_view, std::string (*)(const std::string& value)> kRefusals[] = {
    {"livez-grace-period", &RefusalOfLivezGrace},
    {"shutdown-watch-termination-grace-period", &RefusalOfWatchGrace},
    {"storage-media-type", &RefusalOfMediaType},
    {"watch-cache-sizes", &RefusalOfCacheSizes},
    {"kubernetes-service-node-port", &RefusalOfServiceNodePort},
    {"emulation-forward-compatible", &RefusalOfForwardCompatible},
    {"runtime-config-emulation-forward-compatible", &RefusalOfForwardConfig},
    {"audit-log-version", &RefusalOfAuditVersion},
    {"show-hidden-metrics-for-version", &WhyNotHiddenMetrics},
    {"allow-metric-labels", &WhyNotMetricLabels}};

}  // namespace

void AddUnusedFlags(Flags& flags) {
  flags.AddUnused({"allow-privileged",
                   "privileged containers are forbidden by Pod Security labels on namespaces",
                   {"true"},
                   kSwitch,
                   kRefused});
  flags.AddUnused({"kubelet-preferred-address-types",
                   "it is InternalIP,ExternalIP,Hostname",
                   {"InternalIP,ExternalIP,Hostname"}});
  flags.AddUnused({"profiling", "no profiles are served", {"false"}, kSwitch});
  flags.AddUnused({"endpoint-reconciler-type", "servers tell each other through the store"});
  flags.AddUnused({"delete-collection-workers", "the objects are deleted many at once"});
  flags.AddUnused(
      {"enable-garbage-collector", "owners are looked after", {"true"}, kSwitch, kRefused});
  flags.AddUnused({"enable-logs-handler", "/logs is not served", {"false"}, kSwitch, kRefused});
  flags.AddUnused({.name = "kubernetes-service-node-port",
                   .why = "the service \"kubernetes\" has its cluster IP alone",
                   .same = {"0"}});
  flags.AddUnused({.name = "kubelet-timeout",
                   .why = "how long a kubelet may take is fixed",
                   .value = UnusedValue::kNotNegativeDuration});
  flags.AddUnused({.name = "max-connection-bytes-per-sec",
                   .why = "connections have no limit of bytes a second",
                   .same = {"0"},
                   .value = UnusedValue::kNotNegative});
  AddUnusedStoreFlags(flags);
  AddUnusedAccessFlags(flags);
  AddUnusedServerFlags(flags);
}

namespace {

// What was given for a flag, the last time.
std::string ValueOf(const Flags::Given& given, std::string_view name, std::string otherwise) {
  for (const auto& [each, value] : given) {
    if (each == name) otherwise = value;
  }
  return otherwise;
}

Result<> CheckLeadership(const Flags::Given& given) {
  const auto time = [&](const char* name, const char* otherwise) {
    const std::string flag = std::string("coordinated-leadership-") + name;
    return ParseGoDuration(ValueOf(given, flag, otherwise)).value_or(Duration(0));
  };
  const Duration renew = time("renew-deadline", "10s");
  if (time("lease-duration", "15s") <= renew) {
    return Refused(
        "--coordinated-leadership-lease-duration must be greater than "
        "--coordinated-leadership-renew-deadline");
  }
  if (renew <= time("retry-period", "2s")) {
    return Refused(
        "--coordinated-leadership-renew-deadline must be greater than "
        "--coordinated-leadership-retry-period");
  }
  return {};
}

Result<> CheckPeers(const Flags::Given& given) {
  constexpr const char* kGate = "UnknownVersionInteroperabilityProxy";
  if (FeatureGateOf(given, kGate).value_or(false)) return {};
  for (const char* name : {"peer-ca-file", "peer-advertise-ip", "peer-advertise-port"}) {
    if (ValueOf(given, name, "").empty()) continue;
    return Refused(fmt::format("--{} requires {} feature to be turned on", name, kGate));
  }
  return {};
}

// It is looked at where lines wait to be written many at once.
Result<> CheckAuditBatch(const Flags::Given& given) {
  if (ValueOf(given, "audit-log-mode", "blocking") != "batch") return {};
  const auto check = [&](const char* name, const char* words, const char* otherwise) -> Result<> {
    const std::string value = ValueOf(given, std::string("audit-log-batch-") + name, otherwise);
    const auto number = NumberIn<double>(value);
    if (!number || *number > 0) return {};
    return Refused(
        fmt::format("invalid audit batch log {} {}, must be a positive number", words, value));
  };
  TRY(check("buffer-size", "buffer size", "10000"));
  TRY(check("max-size", "max batch size", "1"));
  if (!IsOn(ValueOf(given, "audit-log-batch-throttle-enable", "false"))) return {};
  TRY(check("throttle-qps", "throttle QPS", "0"));
  return check("throttle-burst", "throttle burst", "0");
}

Result<> CheckAuditTruncation(const Flags::Given& given) {
  const auto bytes = [&](const char* name, const char* otherwise) {
    return NumberIn<int64_t>(
        ValueOf(given, std::string("audit-log-truncate-max-") + name, otherwise));
  };
  const auto event = bytes("event-size", "102400");
  const auto batch = bytes("batch-size", "10485760");
  if (!event || !batch) return {};
  if (*event <= 0) {
    return Refused(fmt::format(
        "invalid audit truncate log max event size {}, must be a positive number", *event));
  }
  if (*batch < *event) {
    return Refused(
        fmt::format("invalid audit truncate log max batch size {}, must be greater than "
                    "max event size ({})",
                    *batch, *event));
  }
  return {};
}

}  // namespace

Result<> CheckUnusedFlags(const Flags::Given& given, bool writes_audit_log) {
  for (const auto& [name, value] : given) {
    for (const auto& [flag, refusal] : kRefusals) {
      if (name != flag) continue;
      if (std::string why = refusal(value); !why.empty()) return Refused(std::move(why));
    }
  }
  if (writes_audit_log) {
    TRY(CheckAuditBatch(given));
    TRY(CheckAuditTruncation(given));
  }
  TRY(CheckPeers(given));
  return CheckLeadership(given);
}

}  // namespace skiff
