#include "skiff/component_config.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "api/yaml.h"

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
  std::string error_;
};

Result<Json> OnlyDocument(const std::string& text, const std::string& group,
                          const std::vector<std::string>& versions, const std::string& kind) {
  const auto documents = TRY(ParseYamlStream(text));
  if (documents.size() != 1 || !documents[0].value.is_object()) {
    return Fail(Reason::kInvalid, "the file must hold one " + kind);
  }
  const Json& document = documents[0].value;
  const std::string version = document.value("apiVersion", "");
  for (const std::string& known : versions) {
    if (version == group + "/" + known && document.value("kind", "") == kind) return document;
  }
  return Fail(Reason::kInvalid,
              fmt::format("no kind \"{}\" is registered for version \"{}\"; wanted: {} of {}/{}",
                          document.value("kind", ""), version, kind, group, versions[0]));
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
    if (name.empty()) return Fail(Reason::kInvalid, path + ".schedulerName: Required value");
    if (!seen.insert(name).second) {
      return Fail(Reason::kInvalid,
                  fmt::format("{}.schedulerName: Duplicate value: \"{}\"", path, name));
    }
    config.scheduler_names.push_back(name);
  }
  return {};
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
  Fields connection = top.Object("clientConnection");
  connection.Read("kubeconfig", config.kubeconfig);
  top.Take(connection);
  Fields iptables = top.Object("iptables");
  iptables.Read("masqueradeAll", config.masquerade_all);
  iptables.Read("localhostNodePorts", config.localhost_node_ports);
  top.Take(iptables);
  TRY(top.Outcome());
  return config;
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
