// `expose`: a Service in front of the pods of another object. `autoscale`: an HPA over it.
#include <charconv>

#include "api/text/go_text.h"
#include "base/text.h"
#include "cli/json_text.h"
#include "cli/overrides.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr size_t kServiceNameMax = 63;

struct ExposeFlags {
  WriteFlags write;
  FileFlags files;
  std::string name;
  std::string labels;
  std::string selector;
  std::string port;
  std::string target_port;
  std::string protocol;
  std::string type;
  std::string cluster_ip;
  std::string external_ip;
  std::string session_affinity;
  std::string load_balancer_ip;
  OverrideFlags overrides;
};

Result<Json> SelectorOf(const Json& object) {
  const std::string kind = TextAt(object, "kind");
  if (kind == "ReplicationController" || kind == "Service") {
    const Json& selector = At(object, "spec", "selector");
    if (!selector.is_object() || selector.empty()) {
      return CliError("the service has no pod selector set");
    }
    return selector;
  }
  if (kind == "Pod") {
    const Json& labels = At(object, "metadata", "labels");
    if (!labels.is_object() || labels.empty()) {
      return CliError("the pod has no labels and cannot be exposed");
    }
    return labels;
  }
  if (!At(object, "spec", "selector", "matchExpressions").empty()) {
    return CliError("couldn't convert expressions to map-based selector format");
  }
  const Json& labels = At(object, "spec", "selector", "matchLabels");
  if (!labels.is_object() || labels.empty()) {
    return CliError("invalid deployment: no selectors, therefore cannot be exposed");
  }
  return labels;
}

struct FoundPort {
  std::string port;
  std::string protocol;
};

std::vector<FoundPort> PortsOf(const Json& object) {
  std::vector<FoundPort> ports;
  const std::string kind = TextAt(object, "kind");
  if (kind == "Service") {
    for (const Json& port : At(object, "spec", "ports")) {
      ports.push_back({PlainText(At(port, "port")), TextAt(port, "protocol")});
    }
    return ports;
  }
  const Json& spec = kind == "Pod" ? At(object, "spec") : At(object, "spec", "template", "spec");
  for (const Json& container : At(spec, "containers")) {
    for (const Json& port : At(container, "ports")) {
      ports.push_back({PlainText(At(port, "containerPort")), TextAt(port, "protocol")});
    }
  }
  return ports;
}

Json IntOrText(const std::string& text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc() && end == text.data() + text.size()) return value;
  return text;
}

Result<Json> ServicePorts(const ExposeFlags& flags, const Json& object) {
  const std::vector<FoundPort> known = PortsOf(object);
  std::vector<FoundPort> wanted;
  if (flags.port.empty()) {
    wanted = known;
  } else {
    for (const std::string& port : Split(flags.port, ',')) {
      std::string protocol;
      for (const FoundPort& each : known) {
        if (each.port == port) protocol = each.protocol;
      }
      wanted.push_back({port, protocol});
    }
  }
  if (wanted.empty()) return CliError("couldn't find port via --port flag or introspection");
  Json ports = Json::array();
  for (size_t i = 0; i < wanted.size(); ++i) {
    Json port = {{"port", IntOrText(wanted[i].port)}};
    if (!port["port"].is_number()) {
      return CliError(
          fmt::format("strconv.Atoi: parsing {}: invalid syntax", GoQuote(wanted[i].port)));
    }
    const std::string protocol = flags.protocol.empty() ? wanted[i].protocol : flags.protocol;
    port["protocol"] = protocol.empty() ? "TCP" : protocol;
    port["targetPort"] =
        IntOrText(flags.target_port.empty() ? wanted[i].port : flags.target_port);
    if (wanted.size() > 1) port["name"] = fmt::format("port-{}", i + 1);
    ports.push_back(std::move(port));
  }
  return ports;
}

Result<Json> ServiceFor(const ExposeFlags& flags, const Json& object) {
  const std::string& affinity = flags.session_affinity;
  if (!affinity.empty() && affinity != "None" && affinity != "ClientIP") {
    return CliError("unknown session affinity: " + affinity);
  }
  // A name that nobody has typed is cut to what a Service may be called.
  const std::string name =
      flags.name.empty() ? NameOf(object).substr(0, kServiceNameMax) : flags.name;
  Json service = {{"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", {{"name", name}}}};
  const Json& own = At(object, "metadata", "labels");
  if (!flags.labels.empty()) {
    service["metadata"]["labels"] = TRY(ParseLabelSpec(flags.labels));
  } else if (own.is_object()) {
    service["metadata"]["labels"] = own;
  }
  Json& spec = service["spec"];
  if (flags.selector.empty()) {
    spec["selector"] = TRY(SelectorOf(object));
  } else {
    spec["selector"] = TRY(ParseLabelSpec(flags.selector));
  }
  spec["ports"] = TRY(ServicePorts(flags, object));
  if (!flags.type.empty()) spec["type"] = flags.type;
  if (!flags.cluster_ip.empty()) spec["clusterIP"] = flags.cluster_ip;
  if (!flags.external_ip.empty()) spec["externalIPs"] = Json::array({flags.external_ip});
  if (!flags.session_affinity.empty()) spec["sessionAffinity"] = flags.session_affinity;
  if (!flags.load_balancer_ip.empty() && flags.type == "LoadBalancer") {
    spec["loadBalancerIP"] = flags.load_balancer_ip;
  }
  service["status"]["loadBalancer"] = Json::object();
  return service;
}

bool CanExpose(const std::string& group_kind) {
  return group_kind == "Pod" || group_kind == "Service" || group_kind == "ReplicationController" ||
         group_kind == "Deployment.apps" || group_kind == "ReplicaSet.apps";
}

Result<> CreateFor(Command& command, const WriteFlags& flags, const Target& target,
                   const std::string& type, Json object, const char* operation) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find(type));
  object = flags.record.In(std::move(object));
  if (flags.save_config) object = WithLastApplied(std::move(object));
  if (!flags.dry_run.client()) {
    const WriteOptions options = TRY(flags.Options());
    object = TRY(session.api().Create(kind.resource, target.key.namespace_, object, options));
  }
  return PrintWritten(command, flags, object, kind.resource, operation);
}

}  // namespace

Result<> RunExpose(Command& command, const Args& args) {
  ExposeFlags flags;
  flags.write.AddTo(command, "kubectl-expose");
  flags.files.AddTo(command);
  command.Flag("name", flags.name, "The name of the new service.");
  command.Flag("labels,l", flags.labels, "Labels of the new service.");
  command.Flag("selector", flags.selector, "A label selector for the service.");
  command.Flag("port", flags.port, "The port that the service should serve on.");
  command.Flag("target-port", flags.target_port, "Name or number of the port of the containers.");
  command.Flag("protocol", flags.protocol, "TCP, UDP or SCTP.");
  command.Flag("type", flags.type, "ClusterIP, NodePort, LoadBalancer or ExternalName.");
  command.Flag("cluster-ip", flags.cluster_ip, "ClusterIP to be assigned, or 'None'.");
  command.Flag("external-ip", flags.external_ip, "An additional address of the service.");
  command.Flag("session-affinity", flags.session_affinity, "None or ClientIP.");
  command.Flag("load-balancer-ip", flags.load_balancer_ip, "IP to assign to the load balancer.");
  flags.overrides.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  flags.files.own_kinds_alone = true;
  // What files hold is not looked for on the server.
  const auto targets = TRY(FindTargets(
      command, command.words(), {.files = &flags.files, .fetch = flags.files.empty()}));
  for (const Target& target : targets) {
    const std::string group_kind = GroupKind(target.resource);
    if (!CanExpose(group_kind)) {
      command.Report(CliError("cannot expose a " + group_kind).value());
      continue;
    }
    Json service = TRY(ServiceFor(flags, target.object));
    if (target.key.namespace_ != "default") {
      service["metadata"]["namespace"] = target.key.namespace_;
    }
    Session& session = *TRY(command.session());
    const ServedKind kind = TRY(session.kinds().Find("services"));
    service = TRY(flags.overrides.Apply(session, kind.resource, std::move(service)));
    const auto done =
        CreateFor(command, flags.write, target, "service", std::move(service), "exposed");
    if (!done) command.Report(done.error());
  }
  return {};
}

namespace {

// What an HPA is to keep a resource at: "70%" of the request, or an amount, which is in `unit`
// where it is a bare number.
Result<Json> MetricGoal(const std::string& resource, const std::string& unit, std::string wanted) {
  const size_t begin = wanted.find_first_not_of(' ');
  wanted = begin == std::string::npos
               ? ""
               : wanted.substr(begin, wanted.find_last_not_of(' ') + 1 - begin);
  if (wanted.empty()) return CliError("empty input");
  if (wanted.ends_with('%')) {
    wanted.pop_back();
    const Json percent = IntOrText(wanted);
    if (!percent.is_number() || percent.get<int>() < 0) {
      return CliError("invalid percentage value: " + wanted);
    }
    return Json{{"type", "Utilization"}, {"averageUtilization", percent}};
  }
  if (IsDigit(wanted.back())) wanted += unit;
  if (!Quantity::Parse(wanted)) {
    return CliError(fmt::format("invalid resource {} value: {}", resource, wanted));
  }
  return Json{{"type", "AverageValue"}, {"averageValue", wanted}};
}

// What can be scaled says the server, of custom kinds too.
Result<> RequireScale(Command& command, const Resource& resource) {
  Session& session = *TRY(command.session());
  const std::string group = resource.Group();
  const Json list = TRY(
      session.api().Get((group.empty() ? "/api/" : "/apis/") + resource.api_version, Query()));
  for (const Json& each : At(list, "resources")) {
    if (TextAt(each, "name") == resource.name + "/scale") return {};
  }
  return CliError(
      fmt::format("cannot autoscale a {}: could not find scale subresource for {}{}, Resource={} in "
                  "discovery information",
                  resource.kind, group.empty() ? "/" : "", resource.api_version, resource.name));
}

Result<Json> MetricsFor(const std::string& cpu, const std::string& memory) {
  Json metrics = Json::array();
  struct Wanted {
    const char* resource;
    const char* unit;
    const std::string& amount;
  };
  for (const auto& [resource, unit, amount] :
       {Wanted{"cpu", "m", cpu}, Wanted{"memory", "Mi", memory}}) {
    if (amount.empty()) continue;
    Json goal = TRY(MetricGoal(resource, unit, amount));
    metrics.push_back(
        {{"type", "Resource"}, {"resource", {{"name", resource}, {"target", std::move(goal)}}}});
  }
  return metrics;
}

}  // namespace

Result<> RunAutoscale(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  int min = -1;
  int max = -1;
  int cpu_percent = -1;
  std::string cpu;
  std::string memory;
  std::string name;
  flags.AddTo(command, "kubectl-autoscale");
  flags.print.separates_documents = false;
  files.AddTo(command);
  command.Flag("min", min, "The lower limit for the number of pods.");
  command.Flag("max", max, "The upper limit for the number of pods. Required.");
  command.Flag("cpu", cpu, "Target CPU: 50% of the request, or an amount such as 500m.");
  command.Flag("cpu-percent", cpu_percent, "Target CPU in percent of the request.");
  command.Flag("memory", memory, "Target memory: 60% of the request, or an amount such as 200Mi.");
  command.Flag("name", name, "The name of the new object.");
  command.Require("max");
  command.Deprecate("cpu-percent",
                    "Use --cpu with percentage or resource quantity format (e.g., '70%' for "
                    "utilization or '500m' for milliCPU).");
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (max < 1) {
    return CliError(fmt::format("--max=MAXPODS is required and must be at least 1, max: {}", max));
  }
  if (max < min) {
    return CliError(fmt::format(
        "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {}, min: {}", max, min));
  }
  if (cpu_percent > 0 && !cpu.empty()) {
    return CliError("--cpu-percent and --cpu are mutually exclusive");
  }
  if (cpu_percent > 0) cpu = fmt::format("{}%", cpu_percent);
  const Json metrics = TRY(MetricsFor(cpu, memory));
  const auto targets = TRY(
      FindTargets(command, command.words(), {.files = &files, .fetch = files.empty()}));
  const Session& session = *TRY(command.session());
  for (const Target& target : targets) {
    if (const auto can = RequireScale(command, target.resource); !can) {
      command.Report(can.error());
      continue;
    }
    Json spec = {{"maxReplicas", max},
                 {"scaleTargetRef",
                  {{"apiVersion", target.resource.api_version},
                   {"kind", target.resource.kind},
                   {"name", target.key.name}}}};
    if (min > 0) spec["minReplicas"] = min;
    if (!metrics.empty()) spec["metrics"] = metrics;
    Json object = {{"apiVersion", "autoscaling/v2"},
                   {"kind", "HorizontalPodAutoscaler"},
                   {"metadata", {{"name", name.empty() ? target.key.name : name}}},
                   {"spec", std::move(spec)}};
    if (session.namespace_given()) object["metadata"]["namespace"] = session.namespace_();
    // As the type of Go is written that kubectl makes it of.
    if (flags.dry_run.client()) {
      object["status"] = {{"currentMetrics", nullptr}, {"desiredReplicas", 0}};
    }
    const auto done = CreateFor(command, flags, target, "horizontalpodautoscalers.v2.autoscaling",
                                std::move(object),
                                flags.dry_run.client() ? "created" : "autoscaled");
    if (!done) command.Report(done.error());
  }
  return {};
}

}  // namespace skiff::cli
