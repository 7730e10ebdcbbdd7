#include "cli/compose/convert.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/compose/dependency_order.h"
#include "cli/compose/judge.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

bool IsQualifiedName(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string name = slash == text.npos ? text : text.substr(slash + 1);
  const std::string prefix = slash == text.npos ? "" : text.substr(0, slash);
  const auto fits = [](const std::string& part, size_t most, std::string_view inside) {
    return !part.empty() && part.size() <= most && IsAlnum(part.front()) && IsAlnum(part.back()) &&
           std::all_of(part.begin(), part.end(),
                       [&](char c) { return IsAlnum(c) || inside.find(c) != inside.npos; });
  };
  if (!fits(name, 63, "-_.")) return false;
  return slash == text.npos || (fits(prefix, 253, "-.") && prefix == Lower(prefix));
}

std::vector<Dependency> DependenciesOf(const Node& service) {
  std::vector<Dependency> found;
  for (const Member& member : service["depends_on"].members) {
    found.push_back({member.key, member.node["condition"].Text()});
  }
  return found;
}

Json PodTemplateOf(const Scope& scope, Mounts& mounts) {
  Json container = ContainerOf(scope);
  Json pod = Json::object();
  PutPodSettings(scope, pod);
  AddVolumeMounts(scope, mounts);
  AddFileMounts(scope, mounts);
  mounts.PutInto(pod, container);
  if (Json steps = StepsOf(scope, container); !steps.empty()) {
    pod["initContainers"] = std::move(steps);
  }
  pod["containers"] = Json::array({std::move(container)});
  Json labels = LabelsOf(scope.project, scope.service);
  labels.update(NetworkLabels(scope.project, scope.node));
  Json annotations = Json::object();
  for (const char* key : {"labels", "annotations"}) {
    annotations.update(AnnotationsOf(scope.node[key],
                                     fmt::format("services.{}.{}", scope.service, key),
                                     scope.out.notes));
  }
  if (!mounts.contents().empty()) annotations[kFilesAnnotation] = ShortDigest(mounts.contents());
  Json made = {{"metadata", {{"labels", std::move(labels)}}}, {"spec", std::move(pod)}};
  if (!annotations.empty()) made["metadata"]["annotations"] = std::move(annotations);
  return made;
}

void AddService(const Project& project, const Files& files, const std::string& service,
                Conversion& out, Mistakes& wrong) {
  const Node& node = project.root["services"][service];
  // What a provider brings is noted, and nothing runs here.
  const bool is_missing = node.Lacks("image") && node.Lacks("build");
  if (node.told || (is_missing && !node["extends"].told)) return;
  Scope scope{project, files, out, wrong, service, node, ServiceName(service)};
  scope.ends = IsEnding(project, service, node);
  scope.is_task = scope.ends && IsTask(project, service, node);
  if (scope.name != service) {
    out.notes.push_back({node.place, "services." + service,
                         fmt::format("other services find it under the name {}", scope.name)});
  }
  Mounts mounts;
  Json pod_template = PodTemplateOf(scope, mounts);
  AddServices(scope);
  Workload workload;
  workload.service = service;
  workload.object = WorkloadObject(scope, std::move(pod_template), mounts.keeps_data);
  workload.is_task = scope.is_task;
  workload.after = DependenciesOf(node);
  workload.secrets.assign(mounts.secrets.begin(), mounts.secrets.end());
  out.workloads.push_back(std::move(workload));
}

// What is external has the name that it has; one volume may be named twice.
void CheckResourceNamesDiffer(const Project& project, std::string_view plural, Mistakes& wrong) {
  std::map<std::string, const Member*> names;
  for (const Member& each : project.root[plural].members) {
    if (each.node["external"].IsTrue() || each.node.told) continue;
    const auto [at, is_new] = names.emplace(ResourceName(project, each.node, each.key), &each);
    const std::string said = each.node["name"].Text();
    if (is_new || (!said.empty() && said == at->second->node["name"].Text())) continue;
    wrong.Add(Wrong(each.node, fmt::format("{} {} and {} would both be called {}", plural,
                                           at->second->key, each.key, at->first)));
  }
}

void CheckNamesDiffer(const Project& project, Mistakes& wrong) {
  std::map<std::string, std::string> names;
  for (const auto& [service, node] : project.root["services"].members) {
    const auto [at, is_new] = names.emplace(ServiceName(service), service);
    if (is_new) continue;
    wrong.Add(Wrong(node, fmt::format("services {} and {} would both be called {}", at->second,
                                      service, at->first)));
  }
  for (const char* plural : {"volumes", "configs", "secrets"}) {
    CheckResourceNamesDiffer(project, plural, wrong);
  }
}

}  // namespace

void Scope::Note(const Node& at, std::string_view key, std::string why) const {
  out.notes.push_back(
      {at.place, fmt::format("services.{}.{}", service, key), std::move(why)});
}

std::string ProjectLabelValue(const std::string& name) {
  if (LabelValue(name) == name) return name;
  return ObjectName(name).substr(0, 54) + "-" + ShortDigest(name);
}

Json LabelsOf(const Project& project, const std::string& service) {
  Json labels = {{kProjectLabel, ProjectLabelValue(project.name)}};
  if (!service.empty()) labels[kServiceLabel] = LabelValue(service);
  return labels;
}

Json ObjectOf(const Project& project, const char* api_version, const char* kind,
              const std::string& name, const std::string& service) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata", {{"name", name}, {"labels", LabelsOf(project, service)}}}};
}

std::string OwnName(const Project& project, const std::string& name) {
  return ObjectName(project.name + "-" + name);
}

std::string ResourceName(const Project& project, const Node& resource, const std::string& key) {
  const std::string said = resource["name"].Text();
  if (!said.empty()) return ObjectName(said);
  return resource["external"].IsTrue() ? ObjectName(key) : OwnName(project, key);
}

std::string ServiceName(const std::string& text) {
  const std::string name = ObjectName(text);
  return IsDigit(name[0]) ? ObjectName("s-" + name) : name;
}

Json AnnotationsOf(const Node& map, const std::string& path, Notes& notes) {
  Json annotations = Json::object();
  for (const Member& member : map.members) {
    if (IsQualifiedName(member.key)) {
      annotations[member.key] = member.node.Text();
    } else {
      notes.push_back({member.node.place, fmt::format("{}.{}", path, member.key),
                       "this is no name of an annotation"});
    }
  }
  return annotations;
}

bool AddShared(Conversion& out, Json object) {
  if (!out.shared_names.emplace(TextAt(object, "kind"), NameOf(object)).second) return false;
  out.shared.push_back(std::move(object));
  return true;
}

std::vector<Json> Conversion::Objects() const {
  std::vector<Json> objects = shared;
  for (const Workload& workload : workloads) objects.push_back(workload.object);
  return objects;
}

Conversion Convert(const Project& project, const Files& files, Mistakes& wrong) {
  Conversion out;
  out.notes = project.notes;
  out.private_files = PrivateFiles(project, files);
  out.named_ports = PortsNamedIn(project.root["services"]);
  CheckNamesDiffer(project, wrong);
  AddFileObjects(project, files, out, wrong);
  AddClaims(project, out, wrong);
  AddNetworkPolicies(project, out);
  // A circle has been told of where the files were read.
  Mistakes told;
  for (const std::string& service : DependencyOrder(project.root["services"], told)) {
    AddService(project, files, service, out, wrong);
  }
  CheckPublished(project, files, out, wrong);
  JudgeObjects(project, out, wrong);
  // As they stand in the files.
  std::stable_sort(out.notes.begin(), out.notes.end(), [](const Note& a, const Note& b) {
    const std::string& one = a.place.file ? *a.place.file : "";
    const std::string& other = b.place.file ? *b.place.file : "";
    return std::tie(one, a.place.line) < std::tie(other, b.place.line);
  });
  return out;
}

Result<Conversion> Convert(const Project& project, const Files& files) {
  Mistakes wrong;
  Conversion out = Convert(project, files, wrong);
  TRY(wrong.Told());
  return out;
}

}  // namespace skiff::cli::compose
