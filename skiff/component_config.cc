#include "skiff/component_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/rules/core/ip.h"
#include "api/text/yaml.h"
#include "base/text.h"
#include "skiff/cluster_ranges.h"
#include "skiff/config_errors.h"
#include "skiff/config_fields.h"
#include "skiff/scheduler_extenders.h"
#include "skiff/scheduler_profiles.h"

namespace skiff {
namespace {

// The file's one object, of that kind. `is_strict`: it is Invalid where a key is said twice.
Result<Json> OnlyDocument(const std::string& text, const std::string& group_version,
                          const std::string& kind, bool is_strict) {
  const auto documents = TRY(ParseYamlStream(text));
  if (documents.size() > 1 ||
      (documents.size() == 1 && !documents[0].value.is_object() && !documents[0].value.is_null())) {
    return Fail(Reason::kInvalid, "the file must hold one " + kind);
  }
  const Json document = documents.empty() ? Json() : documents[0].value;
  const std::string version = TextAt(document, "apiVersion"), own = TextAt(document, "kind");
  if (own.empty()) {
    return Fail(Reason::kInvalid, fmt::format("Object 'Kind' is missing in '{}'", text));
  }
  if (version != group_version || own != kind) {
    return Fail(Reason::kInvalid, NoKindRegistered({version, own}, kRuntimeScheme));
  }
  if (const auto& twice = documents[0].duplicates; is_strict && !twice.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("strict decoding error: yaml: unmarshal errors:\n  {}",
                            fmt::join(twice, "\n  ")));
  }
  return document;
}

std::string NotHere(const std::string& value, const char* why) {
  return fmt::format("Invalid value: {}: it cannot be had here, and must not be ignored: {}", value,
                     why);
}

std::string NoEffect(std::string_view field, std::string_view why) {
  return fmt::format("{} of the configuration file has no effect: {}", field, why);
}

bool IsSpokenOrKubernetesOwn(std::string_view type) {
  return type == "application/json" || type == "application/vnd.kubernetes.protobuf";
}

// Of a list with commas between, whose items may have parameters and preferences.
bool HasKnownType(std::string_view list) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    if (IsSpokenOrKubernetesOwn(WithoutBlanks(item.substr(0, item.find(';'))))) return true;
    list.remove_prefix(std::min(item.size() + 1, list.size()));
  }
  return false;
}

// As --kubeconfig and --kube-api-*. Protobuf, with or without JSON beside it, is Kubernetes' own,
// which stands in a file that one of its programs has written.
template <typename Config>
void ReadConnection(ConfigFields& connection, Config& to, ConfigErrors& errors) {
  double qps = 0;
  int burst = 0;
  std::string sent, taken;
  connection.Read("kubeconfig", to.kubeconfig);
  connection.Read("qps", qps);
  connection.Read("burst", burst);
  connection.Read("contentType", sent);
  connection.Read("acceptContentTypes", taken);
  if (burst < 0) {
    errors.Invalid("clientConnection.burst", std::to_string(burst), "must be non-negative");
  }
  // Zeros are what is not said.
  if (qps != 0) to.limit.qps = qps;
  if (burst > 0) to.limit.burst = burst;
  if (!sent.empty() && !IsSpokenOrKubernetesOwn(sent)) {
    connection.Note("contentType", NotHere("\"" + sent + "\"", "JSON is spoken"));
  }
  if (!taken.empty() && !HasKnownType(taken)) {
    connection.Note("acceptContentTypes", NotHere("\"" + taken + "\"", "JSON is spoken"));
  }
}

void CheckLeader(const LeaderFlags& leader, const std::string& lock, ConfigErrors& errors) {
  if (!leader.elect) return;
  const auto shown = [](Duration time) { return "\"" + GoDurationText(time) + "\""; };
  const std::pair<const char*, Duration> times[] = {
      {"leaderElection.leaseDuration", leader.lease_duration},
      {"leaderElection.renewDeadline", leader.renew_deadline},
      {"leaderElection.retryPeriod", leader.retry_period}};
  for (const auto& [field, time] : times) {
    if (time <= Duration(0)) errors.Invalid(field, shown(time), "must be greater than zero");
  }
  if (leader.lease_duration <= leader.renew_deadline) {
    // As kube-scheduler, which shows the other one of the two.
    errors.Invalid("leaderElection.leaseDuration", shown(leader.renew_deadline),
                   "must be greater than `RenewDeadline`");
  }
  if (lock != "leases") {
    errors.Invalid("leaderElection.resourceLock", "\"" + lock + "\"",
                   "resourceLock value must be \"leases\"");
  }
}

void ReadLeader(ConfigFields& fields, LeaderFlags& to, ConfigErrors& errors) {
  LeaderFlags read = to;
  std::string lock;
  fields.Read("leaderElect", to.elect);
  fields.Read("leaseDuration", read.lease_duration);
  fields.Read("renewDeadline", read.renew_deadline);
  fields.Read("retryPeriod", read.retry_period);
  fields.Read("resourceName", read.name);
  fields.Read("resourceNamespace", read.namespace_);
  fields.Read("resourceLock", lock);
  // What says nothing is as if it were not there.
  const auto take = [](const auto& value, auto& kept) {
    if (value != std::decay_t<decltype(value)>()) kept = value;
  };
  take(read.lease_duration, to.lease_duration);
  take(read.renew_deadline, to.renew_deadline);
  take(read.retry_period, to.retry_period);
  take(read.name, to.name);
  take(read.namespace_, to.namespace_);
  CheckLeader(to, lock.empty() ? "leases" : lock, errors);
}

// How long pods wait that were tried in vain.
void ReadBackOff(ConfigFields& top, scheduler::QueueDelays& to, ConfigErrors& errors) {
  int first = 1, most = 10;
  top.Read("podInitialBackoffSeconds", first);
  top.Read("podMaxBackoffSeconds", most);
  if (first <= 0) {
    errors.Invalid("podInitialBackoffSeconds", std::to_string(first), "must be greater than 0");
  }
  if (most < first) {
    errors.Invalid("podMaxBackoffSeconds", std::to_string(most),
                   "must be greater than or equal to PodInitialBackoffSeconds");
  }
  to.first = std::chrono::seconds(first);
  to.most = std::chrono::seconds(most);
}

// What is so whatever the file says, or cannot be otherwise.
void ReadScheduling(ConfigFields& top, std::vector<std::string>& unused, ConfigErrors& errors) {
  int parallelism = 16;
  top.Read("parallelism", parallelism);
  if (parallelism <= 0) {
    errors.Invalid("parallelism", std::to_string(parallelism),
                   "should be an integer value greater than zero");
  }
  for (const char* name : {"enableProfiling", "enableContentionProfiling"}) {
    bool on = false;
    top.Read(name, on);
    // So it is in a file that kube-scheduler has written.
    if (on) unused.push_back(NoEffect(std::string(name) + ": true", "no profiles are served"));
  }
}

// As kube-scheduler, what extenders say wins over what profiles say of the same. Invalid where
// `errors` has any by then: these are the last ones.
Result<> ReadExtenders(const Json* extenders,
                       const std::function<Result<std::string>(const std::string&)>& read,
                       SchedulerConfig& to, ConfigErrors& errors) {
  if (extenders == nullptr) return errors.Outcome();
  SchedulerExtenders parsed = TRY(ParseExtenders(*extenders, read, to.unused_fields, errors));
  to.extenders = std::move(parsed.extenders);
  if (parsed.ignored_resources.empty()) return {};
  for (scheduler::Profile& profile : to.profiles) {
    profile.ignored_resources.clear();
    profile.ignored_resources.insert(parsed.ignored_resources.begin(),
                                     parsed.ignored_resources.end());
  }
  return {};
}

}  // namespace

Result<SchedulerConfig> ParseSchedulerConfig(
    const std::string& text, const std::function<Result<std::string>(const std::string&)>& read) {
  const Json document =
      TRY(OnlyDocument(text, "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration",
                       /*is_strict=*/true));
  SchedulerConfig config;
  ConfigErrors errors;  // In kube-scheduler's order.
  ConfigFields top(document, "");
  ConfigFields connection = top.Object("clientConnection");
  ReadConnection(connection, config, errors);
  top.TakeStrictly(connection);
  ConfigFields leader = top.Object("leaderElection");
  ReadLeader(leader, config.leader, errors);
  top.TakeStrictly(leader);
  ReadScheduling(top, config.unused_fields, errors);
  int percentage = 0;  // The scheduler's own choice.
  top.Read("percentageOfNodesToScore", percentage);
  const Json* const given = top.Any("profiles");
  const Json profiles = given == nullptr ? Json::array() : *given;
  config.profiles = TRY(ParseProfiles(profiles, percentage, config.unused_fields, errors));
  if (percentage < 0 || percentage > 100) {
    errors.Invalid("percentageOfNodesToScore", std::to_string(percentage),
                   "not in valid range [0-100]");
  }
  ReadBackOff(top, config.delays, errors);
  top.Read("delayCacheUntilActive", config.is_cold_standby);
  const Json* const extenders = top.Any("extenders");
  TRY(top.Strict());
  TRY(ReadExtenders(extenders, read, config, errors));
  TRY(ChoosePlugins(profiles, config.profiles));
  return config;
}

Result<ProxyConfig> ParseProxyConfig(const std::string& text) {
  const Json document =
      TRY(OnlyDocument(text, "kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration",
                       /*is_strict=*/false));
  ProxyConfig config;
  ConfigFields top(document, "");
  top.Read("bindAddress", config.bind_address);
  top.Read("healthzBindAddress", config.healthz_bind_address);
  top.Read("metricsBindAddress", config.metrics_bind_address);
  top.Read("clusterCIDR", config.cluster_cidr);
  top.Read("hostnameOverride", config.hostname_override);
  top.Read("mode", config.mode);
  top.Read("nodePortAddresses", config.node_port_addresses);
  top.Read("detectLocalMode", config.detect_local_mode);
  ConfigFields local = top.Object("detectLocal");
  local.Read("bridgeInterface", config.bridge_interface);
  local.Read("interfaceNamePrefix", config.interface_name_prefix);
  top.Take(local);
  ConfigFields connection = top.Object("clientConnection");
  ConfigErrors errors;
  ReadConnection(connection, config, errors);
  top.Take(connection);
  ConfigFields iptables = top.Object("iptables");
  iptables.Read("masqueradeAll", config.masquerade_all);
  iptables.Read("localhostNodePorts", config.localhost_node_ports);
  iptables.Read("masqueradeBit", config.masquerade_bit);
  iptables.Read("syncPeriod", config.sync_period);
  iptables.Read("minSyncPeriod", config.min_sync_period);
  top.Take(iptables);
  TRY(top.Outcome());
  TRY(errors.Outcome());
  for (const ConfigFields* each : {&top, &local, &connection, &iptables}) {
    each->TellUnread(config.unused_fields);
  }
  // Of the other modes: which one is meant, `mode` says.
  std::erase_if(config.unused_fields, [](const std::string& text) {
    return text.starts_with("ipvs ") || text.starts_with("nftables ") ||
           text.starts_with("winkernel ");
  });
  return config;
}

Result<> ValidateProxyConfig(const ProxyConfig& config) {
  const auto refuse = [](const std::string& text) {
    return Fail(Reason::kInvalid, "KubeProxyConfiguration." + text);
  };
  const auto& addresses = config.node_port_addresses;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i] == "primary" && addresses.size() == 1) continue;
    if (ParseCidr(addresses[i])) continue;
    return refuse(
        fmt::format("nodePortAddresses[{}]: Invalid value: \"{}\": must be a valid CIDR "
                    "block",
                    i, addresses[i]));
  }
  const auto cidrs = CidrsOf(config.cluster_cidr);
  for (size_t i = 0; i < cidrs.size() && !config.cluster_cidr.empty(); ++i) {
    if (ParseCidr(cidrs[i])) continue;
    return refuse(
        fmt::format("detectLocal.clusterCIDRs[{}]: Invalid value: \"{}\": must be a valid "
                    "CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)",
                    i, cidrs[i]));
  }
  if (cidrs.size() > 2 || (cidrs.size() == 2 && HasIpv6(cidrs[0]) == HasIpv6(cidrs[1]))) {
    return refuse(
        fmt::format("detectLocal.clusterCIDRs: Invalid value: \"{}\": must be a either a single "
                    "CIDR or dual-stack pair of CIDRs (e.g. [10.100.0.0/16, fde4:8dba:82e1::/48])",
                    config.cluster_cidr));
  }
  static const std::set<std::string> kModes = {"", "ClusterCIDR", "NodeCIDR", "BridgeInterface",
                                               "InterfaceNamePrefix"};
  if (!kModes.contains(config.detect_local_mode)) {
    return refuse(
        fmt::format("detectLocalMode: Unsupported value: \"{}\": supported values: "
                    "\"BridgeInterface\", \"ClusterCIDR\", \"InterfaceNamePrefix\", "
                    "\"NodeCIDR\", \"\"",
                    config.detect_local_mode));
  }
  if (config.detect_local_mode == "BridgeInterface" && config.bridge_interface.empty()) {
    return refuse("detectLocal.bridgeInterface: Required value: must be set for BridgeInterface");
  }
  if (config.detect_local_mode == "InterfaceNamePrefix" && config.interface_name_prefix.empty()) {
    return refuse(
        "detectLocal.interfaceNamePrefix: Required value: must be set for InterfaceNamePrefix");
  }
  if (config.masquerade_bit < 0 || config.masquerade_bit > 31) {
    return refuse("iptables.masqueradeBit: Invalid value: must be within the range [0, 31]");
  }
  if (config.sync_period <= 0ns) {
    return refuse("iptables.syncPeriod: Invalid value: must be greater than 0");
  }
  if (config.min_sync_period < 0ns || config.min_sync_period > config.sync_period) {
    return refuse(
        "iptables.syncPeriod: Invalid value: must be greater than or equal to "
        "iptables.minSyncPeriod");
  }
  return {};
}

std::vector<ProxiedFamily> ProxiedFamilies(const std::vector<std::string>& local_ranges) {
  std::vector<ProxiedFamily> families;
  for (const std::string& range : local_ranges) {
    if (!range.empty()) families.push_back({HasIpv6(range), range});
  }
  for (const bool v6 : {false, true}) {
    const bool is_there = std::any_of(families.begin(), families.end(),
                                      [&](const auto& each) { return each.v6 == v6; });
    if (!is_there) families.push_back({v6, ""});
  }
  return families;
}

Result<HostPort> ParseHostPort(const std::string& text, int default_port) {
  HostPort parsed{text, default_port};
  size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string::npos) return Fail(Reason::kInvalid, "no address: " + text);
    parsed.host = text.substr(1, bracket - 1);
    colon = bracket + 1 < text.size() ? bracket + 1 : std::string::npos;
  } else if (colon != std::string::npos && text.find(':') == colon) {
    parsed.host = text.substr(0, colon);
  } else {
    colon = std::string::npos;  // An IPv6 address by itself has no port.
  }
  if (colon == std::string::npos) return parsed;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, parsed.port);
  if (error != std::errc() || stop != end || parsed.port < 0 || parsed.port > 65535) {
    return Fail(Reason::kInvalid, "no port in address: " + text);
  }
  return parsed;
}

}  // namespace skiff
