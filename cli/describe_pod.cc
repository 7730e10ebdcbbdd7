#include "cli/describe_pod.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "api/text/human_duration.h"
#include "cli/json_text.h"
#include "cli/rollout.h"
#include "cli/terminal_text.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr size_t kAnnotationLineMax = 140;

std::string NoneIfEmpty(const std::string& text) {
  return text.empty() ? "<none>" : text;
}

std::string PortsText(const Json& container, const char* field) {
  std::vector<std::string> ports;
  for (const Json& port : At(container, "ports")) {
    const std::string name = TextAt(port, "name");
    ports.push_back(fmt::format("{}/{}{}", IntAt(port, field), TextAt(port, "protocol"),
                                name.empty() ? "" : " (" + name + ")"));
  }
  return Join(ports, ", ");
}

// The URL that a probe asks for, as Go writes one: an IPv6 address in brackets, and what is no
// part of a path escaped, "?" among it.
std::string ProbeUrl(const Json& http) {
  const std::string host = TextAt(http, "host");
  const bool bare = host.find_first_of(":%") == std::string::npos;
  std::string path;
  for (const char c : TextAt(http, "path")) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 ||
                       std::string_view("-_.~$&+,/:;=@").find(c) != std::string_view::npos;
    path += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  if (!path.empty() && path[0] != '/') path.insert(0, 1, '/');
  return fmt::format("{}://{}:{}{}", Lower(TextAt(http, "scheme")), bare ? host : "[" + host + "]",
                     PlainText(At(http, "port")), path);
}

std::string ProbeText(const Json& probe) {
  std::string what = "unknown";
  if (const Json& http = At(probe, "httpGet"); http.is_object()) {
    what = "http-get " + ProbeUrl(http);
  } else if (const Json& exec = At(probe, "exec"); exec.is_object()) {
    what = fmt::format("exec [{}]", Join(TextsAt(exec, "command"), " "));
  } else if (const Json& tcp = At(probe, "tcpSocket"); tcp.is_object()) {
    what = fmt::format("tcp-socket {}:{}", TextAt(tcp, "host"), PlainText(At(tcp, "port")));
  } else if (const Json& grpc = At(probe, "grpc"); grpc.is_object()) {
    what = fmt::format("grpc <pod>:{} {}", IntAt(grpc, "port"), TextAt(grpc, "service"));
  }
  return fmt::format("{} delay={}s timeout={}s period={}s #success={} #failure={}", what,
                     IntAt(probe, "initialDelaySeconds"), IntAt(probe, "timeoutSeconds"),
                     IntAt(probe, "periodSeconds"), IntAt(probe, "successThreshold"),
                     IntAt(probe, "failureThreshold"));
}

void WriteState(DescribeWriter& out, const std::string& title, const Json& state) {
  if (const Json& running = At(state, "running"); running.is_object()) {
    out.Field(2, title, "Running");
    out.Field(3, "Started", DescribeMoment(TextAt(running, "startedAt")));
  } else if (const Json& ended = At(state, "terminated"); ended.is_object()) {
    out.Field(2, title, "Terminated");
    out.FieldIf(3, "Reason", TextAt(ended, "reason"));
    out.FieldIf(3, "Message", TextAt(ended, "message"));
    out.Field(3, "Exit Code", std::to_string(IntAt(ended, "exitCode")));
    if (IntAt(ended, "signal") > 0) {
      out.Field(3, "Signal", std::to_string(IntAt(ended, "signal")));
    }
    out.Field(3, "Started", DescribeMoment(TextAt(ended, "startedAt")));
    out.Field(3, "Finished", DescribeMoment(TextAt(ended, "finishedAt")));
  } else {
    out.Field(2, title, "Waiting");
    out.FieldIf(3, "Reason", TextAt(state, "waiting", "reason"));
  }
}

// What a pod or one of its containers may have, and what is kept for it.
void WriteResources(DescribeWriter& out, int level, const Json& resources) {
  const std::pair<const char*, const char*> lists[] = {{"Limits", "limits"},
                                                       {"Requests", "requests"}};
  for (const auto& [title, field] : lists) {
    const Json& amounts = At(resources, field);
    if (!amounts.is_object() || amounts.empty()) continue;
    out.Line(level, std::string(title) + ":");
    for (const auto& [name, amount] : amounts.items()) {
      out.Field(level + 1, name, PlainText(amount));
    }
  }
}

std::string OptionalText(const Json& reference) {
  return IsTrue(At(reference, "optional")) ? "true" : "false";
}

// What a field of the pod is, for those that variables may refer to; "" without a pod.
std::string FieldValue(const Json* pod, const std::string& path) {
  if (!pod) return "";
  const size_t bracket = path.find("['");
  if (bracket != std::string::npos && path.ends_with("']")) {
    const std::string key = path.substr(bracket + 2, path.size() - bracket - 4);
    const bool labels = path.starts_with("metadata.labels");
    return TextAt(*pod, "metadata", labels ? "labels" : "annotations", key);
  }
  if (path == "status.podIPs") {
    std::vector<std::string> ips;
    for (const Json& each : At(*pod, "status", "podIPs")) ips.push_back(TextAt(each, "ip"));
    return Join(ips, ",");
  }
  const Json* value = pod;
  for (const std::string& name : Split(path, '.')) value = &At(*value, name);
  return TextOf(*value);
}

// "limits.cpu" of the container, in units of the divisor, rounded up.
std::string ResourceValue(const Json& container, const Json& reference) {
  const std::string resource = TextAt(reference, "resource");
  const size_t dot = resource.find('.');
  if (dot == std::string::npos) return "";
  const std::string amount_text =
      PlainText(At(container, "resources", resource.substr(0, dot), resource.substr(dot + 1)));
  const auto amount = Quantity::Parse(amount_text.empty() ? "0" : amount_text);
  const auto divisor_text = PlainText(At(reference, "divisor"));
  const auto divisor =
      Quantity::Parse(divisor_text.empty() || divisor_text == "0" ? "1" : divisor_text);
  if (!amount || !divisor || divisor->MilliValue() <= 0) return "";
  const bool in_milli = resource.ends_with("cpu");
  const int64_t whole = in_milli ? amount->MilliValue() : amount->Value();
  const int64_t unit = std::max<int64_t>(in_milli ? divisor->MilliValue() : divisor->Value(), 1);
  const int64_t value = whole / unit + (whole % unit > 0 ? 1 : 0);
  const bool limit = resource == "limits.cpu" || resource == "limits.memory";
  return value == 0 && limit ? "node allocatable" : std::to_string(value);
}

// `pod` is null in templates.
void WriteEnvironment(DescribeWriter& out, const Json& container, const Json* pod) {
  const Json& sources = At(container, "envFrom");
  if (!sources.is_null() && !sources.empty()) {
    out.Line(2, "Environment Variables from:");
    for (const Json& source : sources) {
      const bool secret = At(source, "secretRef").is_object();
      const Json& reference = At(source, secret ? "secretRef" : "configMapRef");
      const std::string prefix = TextAt(source, "prefix");
      out.Line(3, fmt::format("{}\t{}{}\tOptional: {}", TextAt(reference, "name"),
                              secret ? "Secret" : "ConfigMap",
                              prefix.empty() ? "" : fmt::format(" with prefix '{}'", prefix),
                              OptionalText(reference)));
    }
  }
  const Json& env = At(container, "env");
  if (env.is_null() || env.empty()) {
    out.Field(2, "Environment", "<none>");
    return;
  }
  out.Line(2, "Environment:");
  for (const Json& each : env) {
    const std::string name = TextAt(each, "name");
    const Json& from = At(each, "valueFrom");
    if (const Json& field = At(from, "fieldRef"); field.is_object()) {
      const std::string path = TextAt(field, "fieldPath");
      out.Line(3, fmt::format("{}:\t{} ({}:{})", name, FieldValue(pod, path),
                              TextAt(field, "apiVersion"), path));
    } else if (const Json& resource = At(from, "resourceFieldRef"); resource.is_object()) {
      out.Line(3, fmt::format("{}:\t{} ({})", name, ResourceValue(container, resource),
                              TextAt(resource, "resource")));
    } else if (const Json& secret = At(from, "secretKeyRef"); secret.is_object()) {
      out.Line(3, fmt::format("{}:\t<set to the key '{}' in secret '{}'>\tOptional: {}", name,
                              TextAt(secret, "key"), TextAt(secret, "name"), OptionalText(secret)));
    } else if (const Json& map = At(from, "configMapKeyRef"); map.is_object()) {
      out.Line(3, fmt::format("{}:\t<set to the key '{}' of config map '{}'>\tOptional: {}", name,
                              TextAt(map, "key"), TextAt(map, "name"), OptionalText(map)));
    } else if (!from.is_object()) {  // Of other sources, as keys of files, kubectl says nothing.
      const auto lines = Split(TextAt(each, "value"), '\n');
      out.Line(3, name + ":\t" + lines[0]);
      for (size_t i = 1; i < lines.size(); ++i) out.Line(3, "\t" + lines[i]);
    }
  }
}

void WriteMounts(DescribeWriter& out, const Json& container) {
  std::vector<std::string> lines;
  for (const Json& mount : At(container, "volumeMounts")) {
    std::string flags = IsTrue(At(mount, "readOnly")) ? "ro" : "rw";
    if (const std::string path = TextAt(mount, "subPath"); !path.empty()) {
      flags += fmt::format(",path=\"{}\"", path);
    }
    lines.push_back(
        fmt::format("{} from {} ({})", TextAt(mount, "mountPath"), TextAt(mount, "name"), flags));
  }
  if (lines.empty()) {
    out.Field(2, "Mounts", "<none>");
    return;
  }
  std::sort(lines.begin(), lines.end());
  out.Line(2, "Mounts:");
  for (const std::string& line : lines) out.Line(3, line);
}

// Volumes that the container has as devices; of a container without mounts it says, as kubectl
// does, that there are none in front of them.
void WriteDevices(DescribeWriter& out, const Json& container) {
  const Json& devices = At(container, "volumeDevices");
  if (devices.is_null() || devices.empty()) return;
  std::vector<std::string> lines;
  for (const Json& device : devices) {
    lines.push_back(TextAt(device, "devicePath") + " from " + TextAt(device, "name"));
  }
  std::sort(lines.begin(), lines.end());
  const Json& mounts = At(container, "volumeMounts");
  out.Line(2, mounts.is_null() || mounts.empty() ? "Devices:\t<none>" : "Devices:");
  for (const std::string& line : lines) out.Line(3, line);
}

void WriteWords(DescribeWriter& out, const std::string& title, const Json& words) {
  if (words.is_null() || words.empty()) return;
  out.Line(2, title + ":");
  for (const Json& word : words) {
    for (const std::string& line : Split(TextOf(word), '\n')) out.Line(3, line);
  }
}

// Which system calls a pod or a container may make, where its security context says so.
void WriteSeccomp(DescribeWriter& out, int level, const Json& of) {
  const Json& profile = At(of, "securityContext", "seccompProfile");
  if (!profile.is_object()) return;
  out.Field(level, "SeccompProfile", TextAt(profile, "type"));
  if (TextAt(profile, "type") != "Localhost") return;
  out.Field(level == 0 ? 0 : level + 1, "LocalhostProfile", TextAt(profile, "localhostProfile"));
}

// `status` is null before the kubelet has seen the pod. `pod` is null in templates, where names are
// indented by one more space.
void WriteContainer(DescribeWriter& out, const Json& container, const Json* status,
                    const Json* pod) {
  out.Line(1, (pod ? "" : " ") + TextAt(container, "name") + ":");
  if (status) out.Field(2, "Container ID", TextAt(*status, "containerID"));
  out.Field(2, "Image", TextAt(container, "image"));
  if (status) out.Field(2, "Image ID", TextAt(*status, "imageID"));
  const std::string ports = PortsText(container, "containerPort");
  const std::string host_ports = PortsText(container, "hostPort");
  const bool several = ports.find(", ") != std::string::npos;
  out.Field(2, several ? "Ports" : "Port", NoneIfEmpty(ports));
  out.Field(2, several ? "Host Ports" : "Host Port", NoneIfEmpty(host_ports));
  WriteSeccomp(out, 2, container);
  WriteWords(out, "Command", At(container, "command"));
  WriteWords(out, "Args", At(container, "args"));
  if (status) {
    WriteState(out, "State", At(*status, "state"));
    if (At(*status, "lastState", "terminated").is_object()) {
      WriteState(out, "Last State", At(*status, "lastState"));
    }
    out.Field(2, "Ready", IsTrue(At(*status, "ready")) ? "True" : "False");
    out.Field(2, "Restart Count", std::to_string(IntAt(*status, "restartCount")));
  }
  WriteResources(out, 2, At(container, "resources"));
  const std::pair<const char*, const char*> probes[] = {
      {"Liveness", "livenessProbe"}, {"Readiness", "readinessProbe"}, {"Startup", "startupProbe"}};
  for (const auto& [title, field] : probes) {
    const Json& probe = At(container, field);
    if (probe.is_object()) out.Field(2, title, ProbeText(probe));
  }
  WriteEnvironment(out, container, pod);
  WriteMounts(out, container);
  WriteDevices(out, container);
}

struct ContainerList {
  const char* title;
  const char* field;
  const char* statuses;
};
constexpr ContainerList kInitContainers = {"Init Containers", "initContainers",
                                           "initContainerStatuses"};
constexpr ContainerList kContainers = {"Containers", "containers", "containerStatuses"};
constexpr ContainerList kEphemeralContainers = {"Ephemeral Containers", "ephemeralContainers",
                                                "ephemeralContainerStatuses"};

void WriteContainers(DescribeWriter& out, const ContainerList& list, const Json& spec,
                     const Json* pod) {
  const Json& containers = At(spec, list.field);
  if (containers.is_null() || containers.empty()) return;
  out.Line(0, std::string(pod ? "" : "  ") + list.title + ":");
  for (const Json& container : containers) {
    const Json* status = nullptr;
    if (pod) {
      for (const Json& each : At(*pod, "status", list.statuses)) {
        if (TextAt(each, "name") == TextAt(container, "name")) status = &each;
      }
    }
    WriteContainer(out, container, status, pod);
  }
}

void WriteVolumes(DescribeWriter& out, const Json& volumes, bool in_template) {
  const std::string indent = in_template ? "  " : "";
  if (volumes.is_null() || volumes.empty()) {
    out.Field(0, indent + "Volumes", "<none>");
    return;
  }
  out.Line(0, indent + "Volumes:");
  for (const Json& volume : volumes) {
    out.Line(1, (in_template ? " " : "") + TextAt(volume, "name") + ":");
    WriteVolumeSource(out, 2, volume);
  }
}

std::string TolerationText(const Json& toleration) {
  std::string text = TextAt(toleration, "key");
  if (const std::string value = TextAt(toleration, "value"); !value.empty()) text += "=" + value;
  if (const std::string effect = TextAt(toleration, "effect"); !effect.empty()) {
    text += ":" + effect;
  }
  if (TextAt(toleration, "operator") == "Exists" && TextAt(toleration, "value").empty()) {
    text += text.empty() ? "op=Exists" : " op=Exists";
  }
  if (const Json& seconds = At(toleration, "tolerationSeconds"); !seconds.is_null()) {
    text += fmt::format(" for {}s", IntOf(seconds));
  }
  return text;
}

void WritePlacement(DescribeWriter& out, const Json& spec, const std::string& indent) {
  out.Labels(indent + "Node-Selectors", At(spec, "nodeSelector"));
  const Json& tolerations = At(spec, "tolerations");
  std::vector<Json> sorted(tolerations.begin(), tolerations.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    return TextAt(a, "key") < TextAt(b, "key");
  });
  out.Field(0, indent + "Tolerations", sorted.empty() ? "<none>" : TolerationText(sorted[0]));
  for (size_t i = 1; i < sorted.size(); ++i) out.Line(0, "\t" + TolerationText(sorted[i]));
}

void WriteSpread(DescribeWriter& out, const Json& spec, const std::string& indent) {
  const Json& constraints = At(spec, "topologySpreadConstraints");
  std::vector<Json> sorted(constraints.begin(), constraints.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    return TextAt(a, "topologyKey") < TextAt(b, "topologyKey");
  });
  std::vector<std::string> lines;
  for (const Json& each : sorted) {
    std::string line =
        fmt::format("{}:{} when max skew {} is exceeded", TextAt(each, "topologyKey"),
                    TextAt(each, "whenUnsatisfiable"), IntAt(each, "maxSkew"));
    if (const Json& selector = At(each, "labelSelector"); selector.is_object()) {
      line += " for selector " + NoneIfEmpty(SelectorText(selector));
    }
    lines.push_back(std::move(line));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    out.Line(0, (i == 0 ? indent + "Topology Spread Constraints:\t" : "\t") + lines[i]);
  }
}

// What else has to be true of the pod before it counts as ready, and whether it is.
void WriteReadinessGates(DescribeWriter& out, const Json& gates, const Json& conditions) {
  if (gates.is_null() || gates.empty()) return;
  out.Line(0, "Readiness Gates:\n  Type\tStatus");
  for (const Json& gate : gates) {
    const std::string type = TextAt(gate, "conditionType");
    const auto found = std::find_if(conditions.begin(), conditions.end(),
                                    [&](const Json& each) { return TextAt(each, "type") == type; });
    out.Line(1, fmt::format("{} \t{} ", type,
                            found == conditions.end() ? "<none>" : TextAt(*found, "status")));
  }
}

// The group of pods that are to be placed together, where the pod is of one.
void WriteWorkload(DescribeWriter& out, const Json& reference, const std::string& indent) {
  if (!reference.is_object()) return;
  out.Line(0, indent + "WorkloadRef:");
  out.Field(1, "Name", TextAt(reference, "name"));
  out.Field(1, "PodGroup", TextAt(reference, "podGroup"));
  out.FieldIf(1, "PodGroupReplicaKey", TextAt(reference, "podGroupReplicaKey"));
}

void WriteConditions(DescribeWriter& out, const Json& conditions) {
  if (conditions.is_null() || conditions.empty()) return;
  out.Line(0, "Conditions:\n  Type\tStatus");
  for (const Json& condition : conditions) {
    out.Line(1, fmt::format("{} \t{} ", TextAt(condition, "type"), TextAt(condition, "status")));
  }
}

}  // namespace

void DescribeWriter::Field(int level, const std::string& name, const std::string& value) {
  Line(level, name + ":\t" + value);
}
void DescribeWriter::FieldIf(int level, const std::string& name, const std::string& value) {
  if (!value.empty()) Field(level, name, value);
}
void DescribeWriter::Line(int level, const std::string& text) {
  const std::string line =
      std::string(static_cast<size_t>(level) * 2, ' ') + TerminalText(text) + "\n";
  if (aligned_) {
    writer_.Write(line);
  } else {
    raw_ += line;
  }
}

void DescribeWriter::Labels(const std::string& title, const Json& labels) {
  if (!labels.is_object() || labels.empty()) {
    Field(0, title, "<none>");
    return;
  }
  bool first = true;
  for (const auto& [key, value] : labels.items()) {
    Line(0, (first ? title + ":\t" : "\t") + key + "=" + TextOf(value));
    first = false;
  }
}

void DescribeWriter::Annotations(const Json& annotations, const std::string& title) {
  bool first = true;
  const auto begin = [&] { return first ? title + ":\t" : "\t"; };
  if (annotations.is_object()) {
    for (const auto& [key, value] : annotations.items()) {
      if (key == kLastApplied) continue;
      std::string text = TextOf(value);
      if (text.ends_with('\n')) text.pop_back();
      if (text.find('\n') == std::string::npos &&
          key.size() + text.size() + 2 <= kAnnotationLineMax) {
        Line(0, begin() + key + ": " + text);
      } else {
        Line(0, begin() + key + ":");
        for (std::string line : Split(text, '\n')) {
          if (line.size() > kAnnotationLineMax - 2) {
            line = line.substr(0, kAnnotationLineMax - 2) + "...";
          }
          Line(0, "\t  " + line);
        }
      }
      first = false;
    }
  }
  if (first) Field(0, title, "<none>");
}

void DescribeWriter::Head(const Json& object) {
  Field(0, "Name", NameOf(object));
  FieldIf(0, "Namespace", NamespaceOf(object));
  Labels("Labels", At(object, "metadata", "labels"));
  Annotations(At(object, "metadata", "annotations"));
}

std::string LocalTime(const std::string& rfc3339, const char* form) {
  const auto time = Time::Parse(rfc3339);
  if (!time) return "";
  const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(time->point());
  const std::time_t unix_time = seconds.time_since_epoch().count();
  std::tm local = {};
  localtime_r(&unix_time, &local);
  char text[64];
  std::strftime(text, sizeof(text), form, &local);
  return text;
}

std::string DescribeTime(const std::string& rfc3339) {
  return LocalTime(rfc3339, "%a, %d %b %Y %H:%M:%S %z");
}

std::string DescribeMoment(const std::string& rfc3339) {
  return rfc3339.empty() ? "Mon, 01 Jan 0001 00:00:00 +0000" : DescribeTime(rfc3339);
}

std::string TerminatingText(const Json& object, TimePoint now) {
  const auto since = Time::Parse(TextAt(object, "metadata", "deletionTimestamp"));
  return fmt::format("Terminating (lasts {})",
                     since ? HumanDuration(now - since->point()) : "<unknown>");
}

std::string ControllerText(const Json& object) {
  for (const Json& owner : At(object, "metadata", "ownerReferences")) {
    if (IsTrue(At(owner, "controller"))) {
      return TextAt(owner, "kind") + "/" + TextAt(owner, "name");
    }
  }
  return "";
}

void DescribePod(DescribeWriter& out, const Json& pod, TimePoint now) {
  const Json& spec = At(pod, "spec");
  const Json& status = At(pod, "status");
  out.Field(0, "Name", NameOf(pod));
  out.Field(0, "Namespace", NamespaceOf(pod));
  if (const Json& priority = At(spec, "priority"); !priority.is_null()) {
    out.Field(0, "Priority", PlainText(priority));
  }
  out.FieldIf(0, "Priority Class Name", TextAt(spec, "priorityClassName"));
  out.FieldIf(0, "Runtime Class Name", TextAt(spec, "runtimeClassName"));
  out.FieldIf(0, "Service Account", TextAt(spec, "serviceAccountName"));
  const std::string node = TextAt(spec, "nodeName");
  out.Field(0, "Node", node.empty() ? "<none>" : node + "/" + TextAt(status, "hostIP"));
  out.FieldIf(0, "Start Time", DescribeTime(TextAt(status, "startTime")));
  out.Labels("Labels", At(pod, "metadata", "labels"));
  out.Annotations(At(pod, "metadata", "annotations"));
  const std::string phase = TextAt(status, "phase");
  const bool ended = phase == "Failed" || phase == "Succeeded";
  if (ended || At(pod, "metadata", "deletionTimestamp").is_null()) {
    out.Field(0, "Status", phase);
  } else {
    out.Field(0, "Status", TerminatingText(pod, now));
    out.Field(0, "Termination Grace Period",
              fmt::format("{}s", IntAt(pod, "metadata", "deletionGracePeriodSeconds")));
  }
  out.FieldIf(0, "Reason", TextAt(status, "reason"));
  out.FieldIf(0, "Message", TextAt(status, "message"));
  WriteSeccomp(out, 0, At(pod, "spec"));
  out.Field(0, "IP", TextAt(status, "podIP"));
  const Json& ips = At(status, "podIPs");
  if (ips.is_null() || ips.empty()) {
    out.Field(0, "IPs", "<none>");
  } else {
    out.Line(0, "IPs:");
    for (const Json& ip : ips) out.Field(1, "IP", TextAt(ip, "ip"));
  }
  out.FieldIf(0, "Controlled By", ControllerText(pod));
  out.FieldIf(0, "NominatedNodeName", TextAt(status, "nominatedNodeName"));
  if (const Json& resources = At(spec, "resources"); resources.is_object()) {
    out.Line(0, "Resources:");
    WriteResources(out, 1, resources);
  }
  WriteContainers(out, kInitContainers, spec, &pod);
  WriteContainers(out, kContainers, spec, &pod);
  WriteContainers(out, kEphemeralContainers, spec, &pod);
  WriteReadinessGates(out, At(spec, "readinessGates"), At(status, "conditions"));
  WriteConditions(out, At(status, "conditions"));
  WriteVolumes(out, At(spec, "volumes"), false);
  out.FieldIf(0, "QoS Class", TextAt(status, "qosClass"));
  WritePlacement(out, spec, "");
  WriteSpread(out, spec, "");
  WriteWorkload(out, At(spec, "workloadRef"), "");
}

void WritePodTemplate(DescribeWriter& out, const Json& pod_template) {
  out.Line(0, "Pod Template:");
  const Json& spec = At(pod_template, "spec");
  out.Labels("  Labels", At(pod_template, "metadata", "labels"));
  if (const Json& annotations = At(pod_template, "metadata", "annotations");
      annotations.is_object() && !annotations.empty()) {
    out.Annotations(annotations, "  Annotations");
  }
  out.FieldIf(0, "  Service Account", TextAt(spec, "serviceAccountName"));
  WriteContainers(out, kInitContainers, spec, nullptr);
  WriteContainers(out, kContainers, spec, nullptr);
  WriteVolumes(out, At(spec, "volumes"), true);
  WriteSpread(out, spec, "  ");
  out.FieldIf(0, "  Priority Class Name", TextAt(spec, "priorityClassName"));
  WritePlacement(out, spec, "  ");
  WriteWorkload(out, At(spec, "workloadRef"), "  ");
}

std::string DescribePodTemplate(const Json& pod_template) {
  DescribeWriter out(false);
  WritePodTemplate(out, pod_template);
  return out.Flush();
}

}  // namespace skiff::cli
