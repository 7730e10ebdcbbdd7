// `diff`: what `apply` would change, or with --since what has changed, as `diff -u` shows it.
#include "api/codec/json.h"
#include "cli/history/since.h"
#include "cli/history/versions.h"
#include "cli/json_text.h"
#include "cli/prune/prune.h"
#include "cli/request_log.h"
#include "cli/three_way.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

struct DiffFlags {
  FileFlags files;
  std::string field_manager = "kubectl-client-side-apply";
  bool manager_given = false;
  std::string selector;
  bool server_side = false;
  bool force_conflicts = false;
  bool show_managed_fields = false;
  bool prune = false;
  std::vector<std::string> prune_allowlist;
  int concurrency = 1;
  std::string since;
  bool all_namespaces = false;
  bool brief = false;

  void AddTo(Command& command);
};

void DiffFlags::AddTo(Command& command) {
  files.AddTo(command);
  command.Flag("selector,l", selector, "Selector (label query) to filter on.");
  command.Flag("field-manager", field_manager, "Name of the manager used to track fields.");
  command.Flag("server-side", server_side, "Apply runs in the server.");
  command.Flag("force-conflicts", force_conflicts, "Take over fields of other managers.");
  command.Flag("show-managed-fields", show_managed_fields, "Keep the managedFields.");
  command.Flag("prune", prune, "Show what apply --prune would delete, too.");
  command.FlagEach("prune-allowlist", prune_allowlist,
                   "Prune only objects of this group/version/Kind.");
  command.Flag("concurrency", concurrency, "Has no effect here: objects are compared one by one.");
  command.Flag(
      "since", since,
      "Show what has changed since then, 10m, a time (RFC3339) or a resourceVersion, of the "
      "TYPE NAMEs that are given or of all kinds, as far back as the server keeps the "
      "past.");
  command.Flag("all-namespaces,A", all_namespaces, "With --since: in all namespaces.");
  command.Flag("brief", brief, "With --since: list what has changed, and no more.");
}

// The object as it would be after an apply.
Result<Json> Applied(Session& session, const DiffFlags& flags, const ManifestObject& object,
                     const Json& live) {
  const Resource& resource = object.kind.resource;
  WriteOptions options{
      .field_manager = flags.field_manager, .dry_run = "All", .field_validation = ""};
  if (flags.server_side) {
    // Of the server's own manager it forgives what client-side apply wrote.
    if (!flags.manager_given) options.field_manager = "kubectl";
    Query query = QueryOf(options);
    query.emplace_back("force", flags.force_conflicts ? "true" : "false");
    const std::string path = TRY(resource.Path(object.key));
    return session.api().Write("PATCH", path, std::move(query), object.object,
                               "application/apply-patch+yaml");
  }
  // The annotation of client-side apply is no difference that anyone asks about.
  const Json& modified = object.object;
  if (live.is_null()) {
    return session.api().Create(resource, object.key.namespace_, modified, options);
  }
  Json original = Json::object();
  const std::string last = TextAt(live, "metadata", "annotations", kLastApplied);
  if (auto parsed = ParseJson(last); !last.empty() && parsed) original = std::move(*parsed);
  const bool has_none = At(original, "metadata", "annotations").empty();
  // The annotation may say anything: anybody can write it.
  if (has_none && At(original, "metadata").is_object()) {
    original["metadata"].erase("annotations");
  }
  const Type* type = object.kind.info ? object.kind.info->type : nullptr;
  const Json patch = ThreeWayPatch(type, original, modified, live);
  if (patch.empty()) return live;
  return session.api().Patch(resource, object.key, type ? PatchType::kStrategic : PatchType::kMerge,
                             patch, options);
}

Result<> AddVersions(Command& command, const DiffFlags& flags, const ManifestObject& object,
                     const Versions& versions, Visited& visited) {
  Session& session = *TRY(command.session());
  const Resource& resource = object.kind.resource;
  if (resource.namespaced) visited.namespaces.insert(object.key.namespace_);
  Json live;
  auto found = session.api().Get(resource, object.key);
  if (found) {
    live = std::move(*found);
    visited.Add(live);
  } else if (found.error().reason != Reason::kNotFound) {
    return Fail(found.error());
  }
  Json merged = TRY(Applied(session, flags, object, live));
  if (!flags.show_managed_fields) {
    DropManagedFields(live);
    DropManagedFields(merged);
  }
  Mask(live, merged);
  return versions.Add(FileNameOf(resource, object.key), live, merged);
}

// What an apply with --prune would delete: there is a file of it on one side alone. That it cannot
// be found out does not keep the rest from being shown.
Result<> AddPruned(Command& command, const DiffFlags& flags, const PruneKinds& kinds,
                   const Versions& versions, const Visited& visited) {
  Session& session = *TRY(command.session());
  WarnOfClusterKinds(command, kinds);
  auto pruned = FindToPrune(session, kinds, flags.selector, visited);
  if (!pruned) {
    Environment& environment = command.environment();
    environment.err(LogLine(
        environment, 'W', "diff.go:758",
        fmt::format("pruning failed and could not be evaluated err: {}", pruned.error().message)));
    return {};
  }
  for (Target& target : *pruned) {
    if (!flags.show_managed_fields) DropManagedFields(target.object);
    Json none = {{"kind", target.resource.kind}};  // By which Mask knows a Secret.
    Mask(target.object, none);
    TRY(versions.Add(FileNameOf(target.resource, target.key), target.object, Json()));
  }
  return {};
}

Result<> Compare(Command& command, const Args& args, bool& differs) {
  DiffFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  flags.manager_given = command.Given("field-manager");
  if (!flags.since.empty() || command.Given("since")) {
    for (const char* name :
         {"server-side", "force-conflicts", "field-manager", "prune", "prune-allowlist"}) {
      if (command.Given(name)) {
        return CliError(
            fmt::format("--since compares the cluster with itself: --{} goes with -f", name));
      }
    }
    differs = TRY(ShowSince(command, {.since = flags.since,
                                      .selector = flags.selector,
                                      .all_namespaces = flags.all_namespaces,
                                      .show_managed_fields = flags.show_managed_fields,
                                      .has_files = !flags.files.empty(),
                                      .is_brief = flags.brief}));
    return {};
  }
  if (flags.all_namespaces) return CliError("--all-namespaces goes with --since");
  if (flags.brief) return CliError("--brief goes with --since");
  if (!command.words().empty()) {
    return command.UsageError(fmt::format("Unexpected args: [{}]", Join(command.words(), " ")));
  }
  if (flags.force_conflicts && !flags.server_side) {
    return CliError("--force-conflicts only works with --server-side");
  }
  if (flags.files.empty()) return CliError("must specify one of -f and -k");
  auto objects = TRY(ReadManifests(command, flags.files));
  if (command.exit_code() != 0) return {};  // Some of them make no sense, as has been said.
  TRY(KeepSelected(flags.selector, objects));
  PruneKinds kinds;
  if (flags.prune) {
    Session& session = *TRY(command.session());
    kinds = TRY(PruneKindsOf(session, flags.prune_allowlist));
  }
  const Versions versions = TRY(Versions::Create());
  Visited visited;
  for (const ManifestObject& object : objects) {
    TRY(AddVersions(command, flags, object, versions, visited));
  }
  if (flags.prune) TRY(AddPruned(command, flags, kinds, versions, visited));
  differs = TRY(ShowDifferences(command, versions));
  return {};
}

}  // namespace

// Code 1 says that there is a difference, so whatever goes wrong is more than that.
Result<> RunDiff(Command& command, const Args& args) {
  constexpr int kDifference = 1;
  constexpr int kTrouble = 2;
  bool differs = false;
  const auto compared = Compare(command, args, differs);
  if (!compared) command.Report(compared.error());
  if (command.exit_code() != 0) {
    command.set_exit_code(kTrouble);
  } else if (differs) {
    command.set_exit_code(kDifference);
  }
  return {};
}

}  // namespace skiff::cli
