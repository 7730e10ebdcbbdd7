// `describe`: an object with what belongs to it, for people.
#include "cli/describe.h"

#include <algorithm>

#include "api/pods/mirror_pods.h"
#include "api/text/go_value.h"
#include "cli/events.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

// Others may have kinds of the same names, in groups of their own.
struct DescribedKind {
  const char* group_kind;  // As GroupKind.
  void (*write)(DescribeWriter& out, DescribeContext& context, const Json& object);
  bool has_events = true;  // Nothing tells of the others.
};
void WritePod(DescribeWriter& out, DescribeContext& context, const Json& object) {
  DescribePod(out, object, context.now);
}

constexpr DescribedKind kDescribed[] = {
    {"CSINode.storage.k8s.io", &DescribeCsiNode},
    {"CertificateSigningRequest.certificates.k8s.io", &DescribeSigningRequest},
    {"ClusterRole.rbac.authorization.k8s.io", &DescribeRole, false},
    {"ClusterRoleBinding.rbac.authorization.k8s.io", &DescribeBinding, false},
    {"ConfigMap", &DescribeConfigMap},
    {"CronJob.batch", &DescribeCronJob},
    {"DaemonSet.apps", &DescribeDaemonSet},
    {"Deployment.apps", &DescribeDeployment},
    {"EndpointSlice.discovery.k8s.io", &DescribeEndpointSlice},
    {"Endpoints", &DescribeEndpoints},
    {"HorizontalPodAutoscaler.autoscaling", &DescribeAutoscaler},
    {"IPAddress.networking.k8s.io", &DescribeIpAddress},
    {"Ingress.networking.k8s.io", &DescribeIngress},
    {"IngressClass.networking.k8s.io", &DescribeIngressClass},
    {"Job.batch", &DescribeJob},
    {"LimitRange", &DescribeLimitRange, false},
    {"Namespace", &DescribeNamespace, false},
    {"NetworkPolicy.networking.k8s.io", &DescribeNetworkPolicy, false},
    {"Node", &DescribeNode},
    {"PersistentVolume", &DescribeVolume},
    {"PersistentVolumeClaim", &DescribeClaim},
    {"Pod", &WritePod},
    {"PodDisruptionBudget.policy", &DescribeBudget},
    {"PriorityClass.scheduling.k8s.io", &DescribePriorityClass},
    {"ReplicaSet.apps", &DescribeReplicas},
    {"ReplicationController", &DescribeReplicas},
    {"ResourceQuota", &DescribeQuota, false},
    {"Role.rbac.authorization.k8s.io", &DescribeRole, false},
    {"RoleBinding.rbac.authorization.k8s.io", &DescribeBinding, false},
    {"Secret", &DescribeSecret, false},
    {"Service", &DescribeService},
    {"ServiceAccount", &DescribeServiceAccount},
    {"ServiceCIDR.networking.k8s.io", &DescribeServiceCidr},
    {"StatefulSet.apps", &DescribeStatefulSet},
    {"StorageClass.storage.k8s.io", &DescribeStorageClass},
    {"VolumeAttributesClass.storage.k8s.io", &DescribeAttributesClass},
};

const DescribedKind* FindDescribedKind(const Resource& resource) {
  const std::string named = GroupKind(resource);
  const auto* const found =
      std::find_if(std::begin(kDescribed), std::end(kDescribed),
                   [&](const DescribedKind& each) { return named == each.group_kind; });
  return found == std::end(kDescribed) ? nullptr : found;
}

// Where one word of a field's name ends: small and capital letters and hyphens stand apart, and a
// capital belongs to the small letters behind it.
bool EndsWord(const std::string& name, size_t at) {
  enum Class : uint8_t { kSmall, kCapital, kHyphen };
  const auto class_of = [&](size_t i) {
    return name[i] == '-' ? kHyphen : name[i] >= 'A' && name[i] <= 'Z' ? kCapital : kSmall;
  };
  const Class before = class_of(at - 1), here = class_of(at);
  const bool small_follows = at + 1 < name.size() && class_of(at + 1) == kSmall;
  if (here == kCapital && small_follows) return true;
  return before != here && !(before == kCapital && here == kSmall);
}

// "fooBarURL" -> "Foo Bar URL", "podIP" -> "Pod Ip"; what has digits in it stays as it is.
std::string Title(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<uint8_t>(c) >= 0x80;
  };
  const bool has_others = std::any_of(name.begin(), name.end(),
                                      [&](char c) { return !is_letter(c) && c != '-'; });
  if (has_others) return name;
  std::vector<std::string> words;
  for (size_t i = 0; i < name.size(); ++i) {
    if (i == 0 || EndsWord(name, i)) words.emplace_back();
    words.back() += name[i];
  }
  for (std::string& word : words) {
    std::string upper = word, lower = word;
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool acronym =
        upper == "API" || upper == "URL" || upper == "UID" || upper == "OSB" || upper == "GUID";
    word = acronym ? upper : upper.substr(0, 1) + lower.substr(1);
  }
  return Join(words, " ");
}

void WriteTree(DescribeWriter& out, int level, const std::string& name, const Json& value) {
  if (value.is_object()) {
    out.Line(level, Title(name) + ":");
    for (const auto& [key, inner] : value.items()) WriteTree(out, level + 1, key, inner);
  } else if (value.is_array()) {
    out.Line(level, Title(name) + ":");
    for (const Json& item : value) {
      if (item.is_object()) {
        for (const auto& [key, inner] : item.items()) WriteTree(out, level + 1, key, inner);
      } else {
        out.Line(level + 1, GoPlain(item));
      }
    }
  } else {
    out.Field(level, Title(name), GoPlain(value));
  }
}

void DescribeOther(DescribeWriter& out, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));  // Also of what lives in none.
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  for (const auto& [key, value] : object.items()) {
    if (key != "metadata") {
      WriteTree(out, 0, key, value);
      continue;
    }
    Json rest = value;
    for (const char* known : {"managedFields", "name", "namespace", "labels", "annotations"}) {
      rest.erase(known);
    }
    WriteTree(out, 0, key, rest);
  }
}

struct EventRow {
  std::string last;
  std::string line;
};

// The events about an object; their failure to be read is not the object's.
void WriteEvents(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const ObjectKey key = {NamespaceOf(object), NameOf(object)};
  const std::string kind_name = TextAt(object, "kind");
  std::string uid = TextAt(object, "metadata", "uid");
  // The kubelet names its node as uid, and of a pod of a file the one that it has there.
  if (kind_name == "Node") uid.clear();
  const std::string mirrored = TextAt(object, "metadata", "annotations", kMirrorPodAnnotation);
  if (kind_name == "Pod" && !mirrored.empty()) uid = mirrored;
  ListOptions options;
  options.namespace_ = key.namespace_;
  options.field_selector =
      fmt::format("involvedObject.name={},involvedObject.kind={}", key.name, kind_name);
  if (!uid.empty()) options.field_selector += ",involvedObject.uid=" + uid;
  options.limit = PageLimit(context.chunk_size);
  const auto kind = context.session.kinds().Find("events");
  const auto list = kind ? context.session.api().List(kind->resource, options)
                         : Result<JsonList>(Fail(kind.error()));
  const std::vector<Json> none;
  std::vector<EventRow> rows;
  for (const Json& event : list ? list->items : none) {
    std::string from = TextAt(event, "source", "component");
    if (from.empty()) from = TextAt(event, "reportingComponent");
    std::string message = EventMessage(event);
    const std::string path = TextAt(event, "involvedObject", "fieldPath");
    if (!path.empty()) message = path + ": " + message;
    rows.push_back(
        {TextAt(event, "lastTimestamp"),
         fmt::format("{}\t{}\t{}\t{}\t{}", TextAt(event, "type"), TextAt(event, "reason"),
                     EventAge(event, context.now), from, message)});
  }
  if (rows.empty()) {
    out.Field(0, "Events", "<none>");
    return;
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const EventRow& a, const EventRow& b) { return a.last < b.last; });
  out.Line(0, "Events:");
  out.Line(1, "Type\tReason\tAge\tFrom\tMessage");
  out.Line(1, "----\t------\t----\t----\t-------");
  for (const EventRow& row : rows) out.Line(1, row.line);
}

Result<std::string> Described(DescribeContext& context, Json object, const Resource& resource) {
  object["kind"] = resource.kind;
  object["apiVersion"] = resource.api_version;
  context.failure.reset();
  DescribeWriter out;
  const DescribedKind* kind = FindDescribedKind(resource);
  if (kind) {
    kind->write(out, context, object);
  } else {
    DescribeOther(out, object);
  }
  if (context.failure) return Fail(*context.failure);
  if (context.show_events && (!kind || kind->has_events)) WriteEvents(out, context, object);
  return out.Flush();
}

// Autoscalers in the version that says all there is, whichever was asked for.
void FetchWhole(Session& session, Target& target) {
  if (target.resource.kind != "HorizontalPodAutoscaler" ||
      target.resource.api_version != "autoscaling/v1") {
    return;
  }
  Resource whole = target.resource;
  whole.api_version = "autoscaling/v2";
  if (auto object = session.api().Get(whole, target.key)) {
    target.object = std::move(*object);
    target.resource = std::move(whole);
  }
}

// Objects whose names begin with a word that names none exactly.
Result<std::vector<Target>> ByPrefix(Session& session, const Selection& selection,
                                     const std::string& prefix, const Error& missing,
                                     int chunk_size) {
  const Resource& resource = selection.kind.resource;
  ListOptions options;
  options.namespace_ = session.NamespaceFor(resource);
  options.limit = PageLimit(chunk_size);
  JsonList list = TRY(session.api().List(resource, options));
  std::vector<Target> found;
  for (Json& item : list.items) {
    const ObjectKey key = {NamespaceOf(item), NameOf(item)};
    if (key.name.starts_with(prefix)) found.push_back({resource, key, "", std::move(item)});
  }
  if (found.empty()) return Fail(missing);
  return found;
}

// What two words mean where one object is missing of those that they name, as for kubectl: a type
// and the beginning of names, and no more of what is there.
Result<std::vector<Target>> ByTypeAndPrefix(Command& command, const Selections& selections,
                                            const Error& missing, int chunk_size) {
  const Args& words = command.words();
  if (words[0].find('/') != std::string::npos) return Fail(missing);
  if (selections.items.size() > 1) return CliError("you may only specify a single resource type");
  Session& session = *TRY(command.session());
  return ByPrefix(session, selections.items[0], words[1], missing, chunk_size);
}

Result<std::vector<Target>> FindDescribed(Command& command, const SelectorFlags& selectors,
                                          const FileFlags& files, int chunk_size, bool& by_prefix) {
  if (!files.empty()) {
    return FindTargets(command, command.words(),
                       {.files = &files, .selectors = selectors, .misses_are_unread = false});
  }
  Session& session = *TRY(command.session());
  const Selections selections = TRY(ParseSelections(command, command.words()));
  std::vector<Target> targets;
  std::vector<Error> failures;
  for (const Selection& selection : selections.items) {
    const Resource& resource = selection.kind.resource;
    if (!selection.names.empty() && !selectors.labels.empty()) {
      return NamesBesideSelector(command.words());
    }
    TRY(CheckNamedInOne(selection, selectors));
    for (const std::string& name : selection.names) {
      const ObjectKey key = {session.NamespaceFor(resource), name};
      auto object = session.api().Get(resource, key);
      if (object) {
        targets.push_back({resource, key, "", std::move(*object)});
      } else {
        failures.push_back(object.error());
      }
    }
    if (!selection.names.empty()) continue;
    ListOptions options;
    options.namespace_ = session.NamespaceFor(resource, selectors.all_namespaces);
    options.label_selector = selectors.labels;
    options.limit = PageLimit(chunk_size);
    auto listed = session.api().List(resource, options);
    if (!listed) return Fail(WithList(listed.error(), resource, selectors));
    JsonList list = std::move(*listed);
    for (Json& item : list.items) {
      const ObjectKey key = {NamespaceOf(item), NameOf(item)};
      targets.push_back({resource, key, "", std::move(item)});
    }
  }
  by_prefix = failures.size() == 1 && failures[0].reason == Reason::kNotFound &&
              command.words().size() == 2;
  if (by_prefix) return ByTypeAndPrefix(command, selections, failures[0], chunk_size);
  for (const Error& failure : failures) command.Report(failure);
  return targets;
}

}  // namespace

Result<> RunDescribe(Command& command, const Args& args) {
  FileFlags files;
  files.reads_all_first = true;
  SelectorFlags selectors;
  bool show_events = true;
  int chunk_size = 500;
  files.AddTo(command);
  files.tells_build_plainly = true;
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("all-namespaces,A", selectors.all_namespaces, "In all namespaces.");
  command.Flag("show-events", show_events, "Display the events about the object.");
  command.Flag("chunk-size", chunk_size, kChunkSizeHelp);
  TRY(command.Parse(args));
  if (command.words().empty() && files.empty()) {
    return CliError(
        fmt::format("You must specify the type of resource to describe. Use \"{} api-resources\" "
                    "for a complete "
                    "list of supported resources.",
                    command.environment().program));
  }
  Session& session = *TRY(command.session());
  bool by_prefix = false;
  auto targets = TRY(FindDescribed(command, selectors, files, chunk_size, by_prefix));
  DescribeContext context{session, command.environment().clock.Now(), show_events, chunk_size, {}};
  bool first = true;
  for (Target& target : targets) {
    FetchWhole(session, target);
    const auto text = Described(context, target.object, target.resource);
    if (!text) {
      command.Report(text.error());
      continue;
    }
    // Objects found by the beginning of their names are set apart otherwise.
    if (!first && !by_prefix) command.Print("\n\n");
    first = false;
    command.environment().out(*text);
    if (by_prefix) command.Print("\n");
  }
  if (targets.empty() && command.exit_code() == 0) {
    command.environment().err(
        NothingFoundText(selectors.all_namespaces ? "" : session.namespace_()));
  }
  return {};
}

}  // namespace skiff::cli
