#include "cli/why/gather.h"

#include <fmt/format.h>

#include "cli/rollout.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// Pods that have no claim on a node any more, and those that have none yet, do not fill it.
constexpr char kOnNodes[] = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";
constexpr int kLogLines = 5;
constexpr int kLogBytes = 16 << 10;

struct Scope {
  std::string namespace_ = {};  // "": all.
  std::string labels = {};
  std::string fields = {};
  bool more = false;  // Beside what was read of it before.
};

bool MakesPods(std::string_view kind) {
  constexpr std::string_view kKinds[] = {"Deployment",  "ReplicaSet", "ReplicationController",
                                         "StatefulSet", "DaemonSet",  "Job",
                                         "CronJob"};
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

class Gathering {
 public:
  Gathering(Session& session, TimePoint now, Json object) : session_(session) {
    facts_.now = now;
    facts_.object = std::move(object);
  }

  Result<Facts> Run();

 private:
  // Adds a list under the name; what may not be read is noted.
  Result<> Read(const char* resource, const Scope& scope, const char* as = nullptr);
  Result<> ReadEvents(const Json& object);
  // An object by its name, under the same rules.
  Result<> ReadOne(const char* resource, const std::string& namespace_, const std::string& name);
  Result<> ReadLogs(const Json& pod);
  Result<> ForPod(const Json& pod);
  Result<> ForScheduling(const Json& pod);
  Result<> ForService(const Json& service);
  void ReadNames();
  Result<> ForClaim(const Json& claim);
  Result<> ForIngress(const Json& ingress);
  Result<> ForWorkload(const Json& workload);
  Result<> ForNode(const Json& node);
  Result<> ForNamespace(const std::string& name);
  Result<> ForWebhooks(const Json& configuration);
  Result<> ForRoleBinding(const Json& binding);
  Result<> ForServiceAccount(const Json& account);
  // Of the kinds that say of themselves what is wrong.
  Result<> ForOther(const Json& object, const std::string& kind);
  // nullopt: noted as unread. Fails when that is no matter of rights.
  bool Note(const std::string& resource, const Error& error);

  Session& session_;
  Facts facts_;
};

bool Gathering::Note(const std::string& resource, const Error& error) {
  const bool refused = error.reason == Reason::kForbidden || error.reason == Reason::kNotFound ||
                       error.reason == Reason::kMethodNotAllowed;
  if (refused) {
    facts_.unread.emplace(resource, error.reason == Reason::kForbidden ? "you may not see them"
                                                                       : "the server has none");
  }
  return refused;
}

Result<> Gathering::Read(const char* resource, const Scope& scope, const char* as) {
  const std::string name = as ? as : resource;
  if (facts_.Has(name) && name != "events" && !scope.more) return {};
  const auto kind = session_.kinds().Find(resource);
  if (!kind) return Note(name, kind.error()) ? Result<>() : Fail(kind.error());
  ListOptions options;
  options.namespace_ = scope.namespace_;
  options.label_selector = scope.labels;
  options.field_selector = scope.fields;
  auto list = session_.api().List(kind->resource, options);
  if (!list) {
    if (Note(name, list.error())) return {};
    return Fail(list.error());
  }
  auto& to = facts_.lists[name];
  for (Json& item : list->items) to.push_back(std::move(item));
  return {};
}

Result<> Gathering::ReadOne(const char* resource, const std::string& namespace_,
                            const std::string& name) {
  const auto kind = session_.kinds().Find(resource);
  if (!kind) return Note(resource, kind.error()) ? Result<>() : Fail(kind.error());
  auto found = session_.api().Get(kind->resource, {namespace_, name});
  if (!found) {
    // That it is not there is a fact like others.
    if (found.error().reason == Reason::kNotFound) {
      facts_.lists.try_emplace(resource);
      return {};
    }
    if (Note(resource, found.error())) return {};
    return Fail(found.error());
  }
  facts_.lists[resource].push_back(std::move(*found));
  return {};
}

Result<> Gathering::ReadEvents(const Json& object) {
  return Read("events", {.namespace_ = NamespaceOf(object),
                         .fields = fmt::format("involvedObject.kind={},involvedObject.name={}",
                                               TextAt(object, "kind"), NameOf(object))});
}

// A log that cannot be read is missed by nobody: the node may be away.
Result<> Gathering::ReadLogs(const Json& pod) {
  const auto kind = session_.kinds().Find("pods");
  if (!kind) return {};
  for (const LogWanted& wanted : LogsWanted(pod)) {
    const std::string path = TRY(kind->resource.Path({NamespaceOf(pod), NameOf(pod)}, "log"));
    Query query = {{"container", wanted.container},
                   {"tailLines", std::to_string(kLogLines)},
                   {"limitBytes", std::to_string(kLogBytes)}};
    if (wanted.previous) query.emplace_back("previous", "true");
    auto text = session_.api().GetText(path, query);
    // The instance before may be gone already, where the last one is still there.
    if (!text && wanted.previous) {
      query.pop_back();
      text = session_.api().GetText(path, query);
    }
    if (text) {
      facts_.logs[LogKey(pod, wanted.container)] = std::move(*text);
    } else if (text.error().reason == Reason::kForbidden) {
      facts_.unread.emplace("logs", "you may not see them");
    }
  }
  return {};
}

Result<> Gathering::ForScheduling(const Json& pod) {
  TRY(Read("nodes", {}));
  TRY(Read("pods", {.fields = kOnNodes}));
  if (!At(pod, "spec", "resourceClaims").empty()) {
    TRY(Read("resourceclaims", {.namespace_ = NamespaceOf(pod)}));
    TRY(Read("resourceclaimtemplates", {.namespace_ = NamespaceOf(pod)}));
  }
  bool claims = false;
  for (const Json& volume : At(pod, "spec", "volumes")) {
    claims |=
        At(volume, "persistentVolumeClaim").is_object() || At(volume, "ephemeral").is_object();
  }
  if (!claims) return {};
  TRY(Read("persistentvolumeclaims", {.namespace_ = NamespaceOf(pod)}));
  TRY(Read("persistentvolumes", {}));
  TRY(Read("storageclasses", {}));
  TRY(Read("csidrivers", {}));
  for (const Json& claim : std::vector<Json>(facts_.Of("persistentvolumeclaims"))) {
    if (TextAt(claim, "status", "phase") != "Bound") TRY(ReadEvents(claim));
  }
  return {};
}

Result<> Gathering::ForPod(const Json& pod) {
  if (SymptomOf(pod).empty()) return {};
  TRY(ReadEvents(pod));
  const std::string node = TextAt(pod, "spec", "nodeName");
  if (node.empty()) return ForScheduling(pod);
  // What it missed may be there by now.
  for (const MissedSource& source : SourcesMissed(facts_, pod)) {
    TRY(ReadOne(source.kind == "secret" ? "secrets" : "configmaps", NamespaceOf(pod), source.name));
  }
  // A list of all nodes has this one too.
  if (!facts_.Has("nodes") || !facts_.Find("nodes", "", node)) TRY(ReadOne("nodes", "", node));
  return ReadLogs(pod);
}

// Who answers names. That may not be read by everybody, and is then missed by nobody.
void Gathering::ReadNames() {
  const auto services = session_.kinds().Find("services");
  const auto slices = session_.kinds().Find("endpointslices");
  if (!services || !slices) return;
  auto service = session_.api().Get(services->resource, {"kube-system", "kube-dns"});
  if (!service && service.error().reason != Reason::kNotFound) return;
  auto& found = facts_.lists[kNameService];
  if (!service) return;
  found.push_back(std::move(*service));
  auto list = session_.api().List(
      slices->resource, {.namespace_ = "kube-system",
                         .label_selector = "kubernetes.io/service-name=kube-dns"});
  if (list) facts_.lists[kNameSlices] = std::move(list->items);
}

Result<> Gathering::ForService(const Json& service) {
  const std::string namespace_ = NamespaceOf(service);
  TRY(Read("pods", {.namespace_ = namespace_}));
  TRY(Read("endpointslices", {.namespace_ = namespace_}));
  TRY(Read("networkpolicies", {.namespace_ = namespace_}));
  for (const char* resource : {"deployments", "statefulsets", "daemonsets", "replicasets"}) {
    TRY(Read(resource, {.namespace_ = namespace_}));
  }
  return {};
}

Result<> Gathering::ForClaim(const Json& claim) {
  TRY(ReadEvents(claim));
  TRY(Read("storageclasses", {}));
  TRY(Read("pods", {.namespace_ = NamespaceOf(claim)}));
  if (TextAt(claim, "status", "phase") == "Bound") return {};
  TRY(Read("persistentvolumes", {}));
  return Read("csidrivers", {});
}

Result<> Gathering::ForIngress(const Json& ingress) {
  TRY(ReadEvents(ingress));
  TRY(Read("ingressclasses", {}));
  TRY(Read("services", {.namespace_ = NamespaceOf(ingress)}));
  // Whether anything could serve it, where nothing does.
  const bool is_served = !At(ingress, "status", "loadBalancer", "ingress").empty();
  if (!is_served) TRY(Read("nodes", {}));
  for (const Json& tls : At(ingress, "spec", "tls")) {
    const std::string name = TextAt(tls, "secretName");
    if (!name.empty()) TRY(ReadOne("secrets", NamespaceOf(ingress), name));
  }
  return ForService(ingress);
}

Result<> Gathering::ForWorkload(const Json& workload) {
  const std::string namespace_ = NamespaceOf(workload);
  const std::string kind = TextAt(workload, "kind");
  TRY(ReadEvents(workload));
  if (kind == "CronJob") return Read("jobs", {.namespace_ = namespace_});
  const std::string selector = SelectorText(At(workload, "spec", "selector"));
  if (kind == "Deployment") {
    TRY(Read("replicasets", {.namespace_ = namespace_, .labels = selector}));
  }
  if (selector.empty()) return {};
  TRY(Read("pods", {.namespace_ = namespace_, .labels = selector}, "own pods"));
  const std::vector<Json> pods = facts_.Of("own pods");
  const auto symptoms = SymptomsOf(pods);
  for (size_t i = 0; i < std::min(symptoms.size(), kSymptomsMax); ++i) {
    TRY(ForPod(*symptoms[i].pods[0]));
  }
  return {};
}

Result<> Gathering::ForNode(const Json& node) {
  TRY(Read("pods", {.fields = "spec.nodeName=" + NameOf(node)}));
  return ReadOne("leases", "kube-node-lease", NameOf(node));
}

// Its quotas, and who is refused pods in it.
Result<> Gathering::ForNamespace(const std::string& name) {
  TRY(Read("resourcequotas", {.namespace_ = name}));
  TRY(Read("events", {.namespace_ = name, .fields = "reason=FailedCreate"}));
  const auto& events = facts_.Of("events");
  const bool refused = std::any_of(events.begin(), events.end(), [](const Json& each) {
    return TextAt(each, "reason") == "FailedCreate";
  });
  if (!refused) return {};
  // What was made after that.
  TRY(Read("events", {.namespace_ = name, .fields = "reason=SuccessfulCreate"}));
  for (const char* resource :
       {"replicasets", "replicationcontrollers", "statefulsets", "daemonsets", "jobs"}) {
    TRY(Read(resource, {.namespace_ = name}));
  }
  return {};
}

Result<> Gathering::ForWebhooks(const Json& configuration) {
  for (const std::string& namespace_ : NamespacesOfWebhooks(configuration)) {
    for (const char* resource : {"services", "pods", "endpointslices"}) {
      TRY(Read(resource, {.namespace_ = namespace_, .more = true}));
    }
  }
  // Of those who were refused by one that does not answer.
  return Read("events", {.fields = "reason=FailedCreate"});
}

Result<> Gathering::ForRoleBinding(const Json& binding) {
  const bool is_wide = TextAt(binding, "roleRef", "kind") == "ClusterRole";
  TRY(ReadOne(is_wide ? "clusterroles" : "roles", is_wide ? "" : NamespaceOf(binding),
              TextAt(binding, "roleRef", "name")));
  const Json& subjects = At(binding, "subjects");
  for (size_t i = 0; i < std::min(subjects.size(), kSubjectsReadMax); ++i) {
    if (TextAt(subjects[i], "kind") != "ServiceAccount") continue;
    const std::string own = TextAt(subjects[i], "namespace");
    TRY(ReadOne("serviceaccounts", own.empty() ? NamespaceOf(binding) : own,
                TextAt(subjects[i], "name")));
  }
  return {};
}

Result<> Gathering::ForServiceAccount(const Json& account) {
  for (const char* list : {"imagePullSecrets", "secrets"}) {
    for (const Json& each : At(account, list)) {
      const std::string name = TextAt(each, "name");
      if (!name.empty()) TRY(ReadOne("secrets", NamespaceOf(account), name));
    }
  }
  TRY(Read("rolebindings", {.namespace_ = NamespaceOf(account)}));
  return Read("clusterrolebindings", {});
}

Result<> Gathering::ForOther(const Json& object, const std::string& kind) {
  TRY(ReadEvents(object));
  if (kind == "Node") return ForNode(object);
  if (kind == "Namespace") return ForNamespace(NameOf(object));
  if (kind == "CustomResourceDefinition") return Read("customresourcedefinitions", {});
  if (kind.ends_with("WebhookConfiguration")) return ForWebhooks(object);
  if (kind.ends_with("RoleBinding")) return ForRoleBinding(object);
  if (kind == "ServiceAccount") return ForServiceAccount(object);
  if (kind == "PodDisruptionBudget") return Read("pods", {.namespace_ = NamespaceOf(object)});
  return {};
}

Result<Facts> Gathering::Run() {
  const Json object = facts_.object;
  const std::string kind = OwnKind(object);
  if (kind == "Pod") {
    TRY(ForPod(object));
    TRY(Read("networkpolicies", {.namespace_ = NamespaceOf(object)}));
  } else if (kind == "Service") {
    TRY(ReadEvents(object));
    TRY(ForService(object));
    ReadNames();
  } else if (kind == "PersistentVolumeClaim") {
    TRY(ForClaim(object));
  } else if (kind == "Ingress") {
    TRY(ForIngress(object));
  } else if (MakesPods(kind)) {
    TRY(ForWorkload(object));
  } else {
    TRY(ForOther(object, kind));
  }
  return std::move(facts_);
}

}  // namespace

Result<Facts> Gather(Session& session, TimePoint now, Json object) {
  return Gathering(session, now, std::move(object)).Run();
}

}  // namespace skiff::cli::why
