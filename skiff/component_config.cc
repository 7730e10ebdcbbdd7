#include "skiff/component_config.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "api/codec/document.h"
#include "api/rules/core/ip.h"
#include "api/text/yaml.h"

namespace skiff {
namespace {

// Reads typed fields of an object and remembers the first that has another type.
class Fields {
 public:
  Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  void Read(const char* name, std::string& to) {
    if (const Json* value = Find(name, "a string", &Json::is_string))
      to = value->get<std::string>();
  }
  void Read(const char* name, bool& to) {
    if (const Json* value = Find(name, "a boolean", &Json::is_boolean)) to = value->get<bool>();
  }
  void Read(const char* name, int& to) {
    if (const Json* value = Find(name, "a number", &Json::is_number_integer))
      to = value->get<int>();
  }
  void Read(const char* name, Duration& to) {
    std::string text;
    Read(name, text);
    if (text.empty()) return;
    const auto parsed = ParseGoDuration(text);
    if (parsed) {
      to = *parsed;
    } else {
      Note(name, parsed.error().message);
    }
  }
  void Read(const char* name, std::vector<std::string>& to) {
    const Json* value = Find(name, "a list of strings", &Json::is_array);
    if (value == nullptr) return;
    to.clear();
    for (const Json& item : *value) {
      if (!item.is_string()) return Note(name, "must be a list of strings");
      to.push_back(item.get<std::string>());
    }
  }
  // What the object holds and nobody has asked for, a text each.
  void TellUnread(std::vector<std::string>& to) const {
    for (const auto& [name, value] : object_.items()) {
      const bool says_nothing = value.is_null() || value == "" || value == Json::object() ||
                                value == false || value == "0s";
      if (read_.contains(name) || says_nothing) continue;
      to.push_back(At(name) + " of the configuration file has no effect");
    }
  }
  // An empty object where there is none.
  Fields Object(const char* name) {
    static const Json kEmpty = Json::object();
    const Json* value = Find(name, "an object", &Json::is_object);
    return Fields(value == nullptr ? kEmpty : *value, At(name));
  }
  void Take(const Fields& inner) {
    if (error_.empty()) error_ = inner.error_;
  }
  void Note(const std::string& name, const std::string& what) {
    if (error_.empty()) error_ = At(name) + ": " + what;
  }
  Result<> Outcome() const {
    if (error_.empty()) return {};
    return Fail(Reason::kInvalid, error_);
  }

 private:
  const Json* Find(const char* name, const char* type, bool (Json::*is_type)() const noexcept) {
    read_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return nullptr;
    if ((*found.*is_type)()) return &*found;
    Note(name, fmt::format("must be {}", type));
    return nullptr;
  }
  std::string At(const std::string& name) const {
    return path_.empty() ? name : path_ + "." + name;
  }

  const Json& object_;
  const std::string path_;
  std::set<std::string> read_ = {"apiVersion", "kind"};
  std::string error_;
};

Result<Json> OnlyDocument(const std::string& text, const std::string& group,
                          const std::vector<std::string>& versions, const std::string& kind) {
  const auto documents = TRY(ParseYamlStream(text));
  if (documents.size() != 1 || !documents[0].value.is_object()) {
    return Fail(Reason::kInvalid, "the file must hold one " + kind);
  }
  const Json& document = documents[0].value;
  const std::string version = TextAt(document, "apiVersion"), own = TextAt(document, "kind");
  for (const std::string& known : versions) {
    if (version == group + "/" + known && own == kind) return document;
  }
  return Fail(Reason::kInvalid,
              fmt::format("no kind \"{}\" is registered for version \"{}\"; wanted: {} of {}/{}",
                          own, version, kind, group, versions[0]));
}

Result<> ReadProfiles(const Json& document, SchedulerConfig& config) {
  const auto profiles = document.find("profiles");
  if (profiles == document.end() || !profiles->is_array() || profiles->empty()) return {};
  config.scheduler_names.clear();
  std::set<std::string> seen;
  for (size_t i = 0; i < profiles->size(); ++i) {
    const std::string path = fmt::format("profiles[{}]", i);
    if (!(*profiles)[i].is_object()) return Fail(Reason::kInvalid, path + ": must be an object");
    std::string name = profiles->size() == 1 ? "default-scheduler" : "";
    Fields profile((*profiles)[i], path);
    profile.Read("schedulerName", name);
    profile.Read("percentageOfNodesToScore", config.percentage_of_nodes_to_score);
    TRY(profile.Outcome());
    profile.TellUnread(config.unused_fields);
    if (name.empty()) return Fail(Reason::kInvalid, path + ".schedulerName: Required value");
    if (!seen.insert(name).second) {
      return Fail(Reason::kInvalid,
                  fmt::format("{}.schedulerName: Duplicate value: \"{}\"", path, name));
    }
    config.scheduler_names.push_back(name);
  }
  return {};
}

// What would keep pods off nodes, and is not asked.
Result<> RefuseRestrictions(const Json& document) {
  const auto extenders = document.find("extenders");
  if (extenders == document.end() || !extenders->is_array() || extenders->empty()) return {};
  return Fail(Reason::kInvalid,
              "extenders: cannot be had here, and must not be ignored: nobody else is asked where "
              "a pod may go");
}

}  // namespace

Result<SchedulerConfig> ParseSchedulerConfig(const std::string& text) {
  const Json document =
      TRY(OnlyDocument(text, "kubescheduler.config.k8s.io", {"v1"}, "KubeSchedulerConfiguration"));
  SchedulerConfig config;
  Fields top(document, "");
  top.Read("percentageOfNodesToScore", config.percentage_of_nodes_to_score);
  Fields connection = top.Object("clientConnection");
  connection.Read("kubeconfig", config.kubeconfig);
  top.Take(connection);
  Fields leader = top.Object("leaderElection");
  leader.Read("leaderElect", config.leader.elect);
  leader.Read("leaseDuration", config.leader.lease_duration);
  leader.Read("renewDeadline", config.leader.renew_deadline);
  leader.Read("retryPeriod", config.leader.retry_period);
  leader.Read("resourceName", config.leader.name);
  leader.Read("resourceNamespace", config.leader.namespace_);
  top.Take(leader);
  TRY(top.Outcome());
  TRY(RefuseRestrictions(document));
  Json rest = document;
  rest.erase("profiles");
  Fields others(rest, "");
  for (const char* name : {"clientConnection", "leaderElection"}) others.Object(name);
  others.Read("percentageOfNodesToScore", config.percentage_of_nodes_to_score);
  for (const Fields* each : {&others, &connection, &leader}) each->TellUnread(config.unused_fields);
  TRY(ReadProfiles(document, config));
  const int percentage = config.percentage_of_nodes_to_score;
  if (percentage < 0 || percentage > 100) {
    return Fail(Reason::kInvalid,
                fmt::format("percentageOfNodesToScore: Invalid value: {}: not in valid range "
                            "[0-100]",
                            percentage));
  }
  return config;
}

Result<ProxyConfig> ParseProxyConfig(const std::string& text) {
  const Json document =
      TRY(OnlyDocument(text, "kubeproxy.config.k8s.io", {"v1alpha1"}, "KubeProxyConfiguration"));
  ProxyConfig config;
  Fields top(document, "");
  top.Read("bindAddress", config.bind_address);
  top.Read("healthzBindAddress", config.healthz_bind_address);
  top.Read("metricsBindAddress", config.metrics_bind_address);
  top.Read("clusterCIDR", config.cluster_cidr);
  top.Read("hostnameOverride", config.hostname_override);
  top.Read("mode", config.mode);
  top.Read("nodePortAddresses", config.node_port_addresses);
  top.Read("detectLocalMode", config.detect_local_mode);
  Fields local = top.Object("detectLocal");
  local.Read("bridgeInterface", config.bridge_interface);
  local.Read("interfaceNamePrefix", config.interface_name_prefix);
  top.Take(local);
  Fields connection = top.Object("clientConnection");
  connection.Read("kubeconfig", config.kubeconfig);
  top.Take(connection);
  Fields iptables = top.Object("iptables");
  iptables.Read("masqueradeAll", config.masquerade_all);
  iptables.Read("localhostNodePorts", config.localhost_node_ports);
  iptables.Read("masqueradeBit", config.masquerade_bit);
  iptables.Read("syncPeriod", config.sync_period);
  iptables.Read("minSyncPeriod", config.min_sync_period);
  top.Take(iptables);
  TRY(top.Outcome());
  for (const Fields* each : {&top, &local, &connection, &iptables}) {
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
    return refuse(fmt::format("nodePortAddresses[{}]: Invalid value: \"{}\": must be a valid CIDR "
                              "block",
                              i, addresses[i]));
  }
  if (!config.cluster_cidr.empty() && !ParseCidr(config.cluster_cidr)) {
    return refuse(fmt::format("detectLocal.clusterCIDRs[0]: Invalid value: \"{}\": must be a valid "
                              "CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)",
                              config.cluster_cidr));
  }
  static const std::set<std::string> kModes = {"", "ClusterCIDR", "NodeCIDR", "BridgeInterface",
                                               "InterfaceNamePrefix"};
  if (!kModes.contains(config.detect_local_mode)) {
    return refuse(fmt::format("detectLocalMode: Unsupported value: \"{}\": supported values: "
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
    return refuse("iptables.syncPeriod: Invalid value: must be greater than or equal to "
                  "iptables.minSyncPeriod");
  }
  return {};
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
