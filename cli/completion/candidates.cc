#include "cli/completion/candidates.h"

#include <algorithm>
#include <map>

#include "cli/completion/scripts.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/why/type_called.h"

namespace skiff::cli {
namespace {

using Names = std::vector<std::string>;

// A shell has no use for our trouble: what cannot be had is no candidate.
Names NamesOf(Command& command, const std::string& type) {
  const auto session = command.session();
  if (!session) return {};
  const auto kind = (*session)->kinds().Find(type);
  if (!kind) return {};
  ListOptions options;
  options.namespace_ = (*session)->NamespaceFor(kind->resource);
  const auto list = (*session)->api().List(kind->resource, options);
  Names names;
  if (list) {
    for (const Json& item : list->items) names.push_back(NameOf(item));
  }
  return names;
}

// "pods", "deployments.apps", of what can be read.
Names TypesServed(Command& command) {
  const auto session = command.session();
  if (!session) return {};
  const auto kinds = (*session)->kinds().Discover();
  Names names;
  if (!kinds) return names;
  for (const ServedKind& kind : *kinds) {
    const bool readable =
        std::find(kind.verbs.begin(), kind.verbs.end(), "get") != kind.verbs.end();
    std::string name = kind.FullName();
    if (readable && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

Names ConfigNames(Command& command, const std::string& what) {
  const auto config = LoadConfig(command.environment(), command.globals());
  Names names;
  if (!config) return names;
  const auto take = [&](const auto& map) {
    for (const auto& [name, entry] : map) names.push_back(name);
  };
  if (what == "context") take(config->contexts);
  if (what == "cluster") take(config->clusters);
  if (what == "user") take(config->users);
  return names;
}

Names ContainersOf(Command& command, const std::string& pod) {
  const auto session = command.session();
  if (!session || pod.empty()) return {};
  const auto kind = (*session)->kinds().Find("pods");
  const std::string name = pod.substr(pod.find('/') + 1);
  if (!kind) return {};
  const auto found = (*session)->api().Get(kind->resource, {(*session)->namespace_(), name});
  Names names;
  if (!found) return names;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& each : At(*found, "spec", list)) names.push_back(TextAt(each, "name"));
  }
  return names;
}

void Prefix(Names& names, const std::string& prefix) {
  for (std::string& name : names) name = prefix + name;
}

// `why` has other words for some types.
std::string TypeAsked(Command& command, const Asked& asked, const std::string& type) {
  const auto session = command.session();
  return session && asked.verb == "why" ? why::TypeCalled(**session, type) : type;
}

// TYPE, then its names; TYPE/NAME again and again.
Candidates TypesAndNames(Command& command, const Asked& asked, const Names& types) {
  Candidates found{{}, kNoFiles};
  const size_t slash = asked.last.find('/');
  if (slash != std::string::npos) {
    const std::string type = asked.last.substr(0, slash);
    found.values = NamesOf(command, TypeAsked(command, asked, type));
    Prefix(found.values, type + "/");
  } else if (asked.words.empty()) {
    found.values = types.empty() ? TypesServed(command) : types;
    // `why web` says it of whatever is called so.
    if (asked.verb == "why") {
      for (const std::string& type : types) {
        for (std::string& name : NamesOf(command, type)) {
          if (std::ranges::count(found.values, name) == 0) found.values.push_back(std::move(name));
        }
      }
    }
  } else if (asked.words[0].find('/') == std::string::npos) {
    found.values = NamesOf(command, TypeAsked(command, asked, asked.words[0]));
  }
  std::erase_if(found.values, [&](const std::string& value) {
    return std::find(asked.words.begin(), asked.words.end(), value) != asked.words.end();
  });
  return found;
}

// Names of pods, and what has pods: "deployments/".
Candidates PodsAndOwners(Command& command, const Asked& asked) {
  const size_t slash = asked.last.find('/');
  if (slash != std::string::npos) return TypesAndNames(command, asked, {});
  Candidates found{NamesOf(command, "pods"), kNoFiles};
  for (const char* type : {"daemonsets/", "deployments/", "jobs/", "pods/", "replicasets/",
                           "replicationcontrollers/", "services/", "statefulsets/"}) {
    found.values.emplace_back(type);
  }
  std::erase_if(found.values,
                [&](const std::string& value) { return !value.starts_with(asked.last); });
  if (found.values.size() == 1 && found.values[0].ends_with('/')) found.directive |= kNoSpace;
  return found;
}

// Verbs that take a type and names: all types, or these.
const std::map<std::string, Names>& TypesByVerb() {
  static const Names kRolledOut = {"deployment", "daemonset", "statefulset"};
  static const Names kTemplates = {"daemonsets",  "deployments", "pods",
                                   "cronjobs",    "replicasets", "replicationcontrollers",
                                   "statefulsets"};
  static const std::map<std::string, Names> kTypes = {
      {"annotate", {}},
      {"apply view-last-applied", {}},
      {"autoscale", {"deployments", "replicasets", "replicationcontrollers", "statefulset"}},
      {"debug", {}},
      {"delete", {}},
      {"describe", {}},
      {"edit", {}},
      {"expose", {"pod", "service", "replicationcontroller", "deployment", "replicaset"}},
      {"get", {}},
      {"label", {}},
      {"patch", {}},
      {"rollout history", kRolledOut},
      {"rollout pause", {"deployment"}},
      {"rollout restart", kRolledOut},
      {"rollout resume", {"deployment"}},
      {"rollout status", kRolledOut},
      {"rollout undo", kRolledOut},
      {"scale", {"deployment", "replicaset", "replicationcontroller", "statefulset"}},
      {"set env", kTemplates},
      {"set image", kTemplates},
      {"set resources", kTemplates},
      {"set selector", {"services"}},
      {"set serviceaccount", kTemplates},
      {"taint", {"node"}},
      {"wait", {}},
      {"why",
       {"pods", "services", "persistentvolumeclaims", "ingresses", "deployments", "statefulsets",
        "daemonsets", "jobs", "cronjobs"}},
  };
  return kTypes;
}

// Verbs whose first word is a name of one type.
const std::map<std::string, std::string>& NamedByVerb() {
  static const std::map<std::string, std::string> kNamed = {
      {"certificate approve", "certificatesigningrequests"},
      {"certificate deny", "certificatesigningrequests"},
      {"cordon", "nodes"},
      {"create token", "serviceaccounts"},
      {"drain", "nodes"},
      {"top node", "nodes"},
      {"top pod", "pods"},
      {"uncordon", "nodes"},
  };
  return kNamed;
}

const std::map<std::string, std::string>& ConfigByVerb() {
  static const std::map<std::string, std::string> kConfig = {
      {"config delete-cluster", "cluster"}, {"config delete-context", "context"},
      {"config delete-user", "user"},       {"config get-contexts", "context"},
      {"config rename-context", "context"}, {"config set-cluster", "cluster"},
      {"config set-context", "context"},    {"config set-credentials", "user"},
      {"config use-context", "context"},
  };
  return kConfig;
}

Names OutputsOf(const std::string& verb) {
  Names names = {"json",         "yaml",
                 "kyaml",        "name",
                 "go-template",  "go-template-file",
                 "template",     "templatefile",
                 "jsonpath",     "jsonpath-as-json",
                 "jsonpath-file"};
  if (verb == "get") {
    for (const char* more : {"custom-columns", "custom-columns-file", "wide"}) {
      names.emplace_back(more);
    }
  }
  if (verb == "why") return {"json", "yaml"};
  if (verb == "delete") return {"name"};
  return names;
}

}  // namespace

Candidates FlagValues(Command& command, const Asked& asked, const std::string& name) {
  static const std::map<std::string, Names> kFixed = {
      {"cascade", {"background", "orphan", "foreground"}},
      {"dry-run", {"none", "server", "client"}},
      {"subresource", {"status", "scale", "resize"}},
      {"validate", {"strict", "warn", "ignore"}},
  };
  if (name == "namespace") return {NamesOf(command, "namespaces"), kNoFiles};
  if (name == "context" || name == "cluster" || name == "user") {
    return {ConfigNames(command, name), kNoFiles};
  }
  if (name == "container") {
    return {ContainersOf(command, asked.words.empty() ? "" : asked.words[0]), kNoFiles};
  }
  if (name == "output") return {OutputsOf(asked.verb), kNoFiles};
  if (name == "filename") return {{"json", "yaml", "yml"}, kFileEndings};
  if (name == "kustomize") return {{}, kFolders};
  const auto fixed = kFixed.find(name);
  if (fixed != kFixed.end()) return {fixed->second, kNoFiles};
  return {};
}

Candidates WordValues(Command& command, const Asked& asked) {
  if (const auto types = TypesByVerb().find(asked.verb); types != TypesByVerb().end()) {
    return TypesAndNames(command, asked, types->second);
  }
  if (const auto named = NamedByVerb().find(asked.verb); named != NamedByVerb().end()) {
    return {asked.words.empty() ? NamesOf(command, named->second) : Names(), kNoFiles};
  }
  if (const auto config = ConfigByVerb().find(asked.verb); config != ConfigByVerb().end()) {
    return {asked.words.empty() ? ConfigNames(command, config->second) : Names(), kNoFiles};
  }
  if (asked.verb == "explain") {
    return {asked.words.empty() ? TypesServed(command) : Names(), kNoFiles};
  }
  if (asked.verb == "logs" || asked.verb == "exec" || asked.verb == "attach" ||
      asked.verb == "port-forward") {
    if (asked.words.empty()) return PodsAndOwners(command, asked);
    const bool containers = asked.verb == "logs" && asked.words.size() == 1;
    return {containers ? ContainersOf(command, asked.words[0]) : Names(), kNoFiles};
  }
  if (asked.verb == "completion") {
    return {asked.words.empty() ? Names(std::begin(kShells), std::end(kShells)) : Names(),
            kNoFiles};
  }
  return {};
}

}  // namespace skiff::cli
