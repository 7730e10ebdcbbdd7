#include "cli/prune/prune.h"

#include "cli/json_text.h"
#include "cli/request_log.h"

namespace skiff::cli {
namespace {

struct PrunedKind {
  const char* api_version;
  const char* kind;
};

// kubectl's; those outside namespaces last.
constexpr PrunedKind kPrunedByDefault[] = {
    {"v1", "ConfigMap"},
    {"v1", "Endpoints"},
    {"v1", "PersistentVolumeClaim"},
    {"v1", "Pod"},
    {"v1", "ReplicationController"},
    {"v1", "Secret"},
    {"v1", "Service"},
    {"batch/v1", "Job"},
    {"batch/v1", "CronJob"},
    {"networking.k8s.io/v1", "Ingress"},
    {"apps/v1", "DaemonSet"},
    {"apps/v1", "Deployment"},
    {"apps/v1", "ReplicaSet"},
    {"apps/v1", "StatefulSet"},
    {"v1", "Namespace"},
    {"v1", "PersistentVolume"},
};

Result<> AddOfKind(Session& session, const ServedKind& kind, const std::string& namespace_,
                   const std::string& selector, const Visited& visited,
                   std::vector<Target>& found) {
  ListOptions options;
  options.namespace_ = namespace_;
  options.label_selector = selector;
  auto list = session.api().List(kind.resource, options);
  if (!list) {
    return CliError(fmt::format("error pruning {} object {}: {}",
                                kind.resource.namespaced ? "namespaced" : "nonNamespaced",
                                KindText(kind.resource), list.error().message));
  }
  for (Json& item : list->items) {
    // What no apply has made is nobody's to take away.
    if (At(item, "metadata", "annotations", kLastApplied).is_null()) continue;
    if (visited.uids.contains(TextAt(item, "metadata", "uid"))) continue;
    const ObjectKey key = {NamespaceOf(item), NameOf(item)};
    found.push_back({kind.resource, key, "", std::move(item)});
  }
  return {};
}

}  // namespace

std::string KindText(const Resource& resource) {
  return fmt::format("{}{}, Kind={}", resource.Group().empty() ? "/" : "", resource.api_version,
                     resource.kind);
}

Result<PruneKinds> PruneKindsOf(Session& session, const std::vector<std::string>& allowlist) {
  PruneKinds result;
  const auto add = [&](const std::string& api_version, const std::string& kind) -> Result<> {
    auto served = TRY(session.kinds().FindByKind(api_version, kind));
    if (!served) {
      return CliError(
          fmt::format("no matches for kind \"{}\" in version \"{}\"", kind, api_version));
    }
    result.kinds.push_back(std::move(*served));
    return {};
  };
  for (const std::string& each : allowlist) {
    const auto parts = Split(each, '/');
    if (parts.size() != 3) {
      return CliError(fmt::format(
          "invalid GroupVersionKind format: {}, please follow <group/version/kind>", each));
    }
    const bool core = parts[0].empty() || parts[0] == "core";
    TRY(add(core ? parts[1] : parts[0] + "/" + parts[1], parts[2]));
  }
  result.by_default = allowlist.empty();
  if (result.by_default) {
    for (const PrunedKind& each : kPrunedByDefault) TRY(add(each.api_version, each.kind));
  }
  return result;
}

void WarnOfClusterKinds(Command& command, const PruneKinds& kinds) {
  if (!kinds.by_default) return;
  Environment& environment = command.environment();
  environment.err(LogLine(
      environment, 'W', "prune.go:71",
      fmt::format(
          "Deprecated: {} apply will no longer prune non-namespaced resources by default when "
          "used with the --namespace flag in a future release. To preserve the current behaviour, "
          "list the resources you want to target explicitly in the --prune-allowlist flag.",
          environment.program)));
}

Result<std::vector<Target>> FindToPrune(Session& session, const PruneKinds& kinds,
                                        const std::string& selector, const Visited& visited) {
  std::vector<Target> found;
  for (const std::string& namespace_ : visited.namespaces) {
    for (const ServedKind& kind : kinds.kinds) {
      if (!kind.resource.namespaced) continue;
      TRY(AddOfKind(session, kind, namespace_, selector, visited, found));
    }
  }
  for (const ServedKind& kind : kinds.kinds) {
    if (kind.resource.namespaced) continue;
    TRY(AddOfKind(session, kind, "", selector, visited, found));
  }
  return found;
}

Result<> Prune(Command& command, const std::vector<Target>& targets, const PruneOptions& options) {
  Session& session = *TRY(command.session());
  const DryRun& dry_run = options.write.dry_run;
  for (const Target& target : targets) {
    if (!dry_run.client()) {
      TRY(DeleteObject(session, target, options.deletion, dry_run.Parameter()));
    }
    TRY(PrintWritten(command, options.write, target.object, target.resource, "pruned"));
  }
  return {};
}

}  // namespace skiff::cli
