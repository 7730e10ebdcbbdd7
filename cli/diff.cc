// `diff`: what `apply` would change, as `diff -u` shows it.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "api/codec/json.h"
#include "api/text/yaml.h"
#include "base/process.h"
#include "cli/json_text.h"
#include "cli/prune/prune.h"
#include "cli/request_log.h"
#include "cli/three_way.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

// Two folders of the same files: what there is, and what there would be.
class Versions {
 public:
  static Result<Versions> Create() {
    Versions versions;
    versions.live_ = TRY(MakeFolder("LIVE"));
    versions.merged_ = TRY(MakeFolder("MERGED"));
    return versions;
  }
  Versions(Versions&& other) noexcept
      : live_(std::exchange(other.live_, "")), merged_(std::exchange(other.merged_, "")) {}
  Versions& operator=(Versions&&) = delete;
  ~Versions() {
    std::error_code ignored;  // They lie in /tmp.
    for (const std::string& folder : {live_, merged_}) {
      if (!folder.empty()) fs::remove_all(folder, ignored);
    }
  }
  Result<> Add(const std::string& name, const Json& live, const Json& merged) const {
    for (const auto& [folder, object] : {std::pair(live_, &live), std::pair(merged_, &merged)}) {
      std::ofstream file(folder + "/" + name);
      if (!object->is_null()) file << DumpYaml(*object);
      if (!file.flush()) return CliError("cannot write " + folder + "/" + name);
    }
    return {};
  }
  const std::string& live() const { return live_; }
  const std::string& merged() const { return merged_; }

 private:
  Versions() = default;
  static Result<std::string> MakeFolder(const std::string& name) {
    std::string form = fs::temp_directory_path().string() + "/" + name + "-XXXXXX";
    if (!mkdtemp(form.data())) return CliError("cannot create a folder like " + form);
    return form;
  }
  std::string live_;
  std::string merged_;
};

struct DiffFlags {
  FileFlags files;
  std::string field_manager = "kubectl-client-side-apply";
  std::string selector;
  bool server_side = false;
  bool force_conflicts = false;
  bool show_managed_fields = false;
  bool prune = false;
  std::vector<std::string> prune_allowlist;
  int concurrency = 1;

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
  command.Flag("concurrency", concurrency, "Accepted; objects are compared one by one.");
}

// The object as it would be after an apply.
Result<Json> Applied(Session& session, const DiffFlags& flags, const ManifestObject& object,
                     const Json& live) {
  const Resource& resource = object.kind.resource;
  WriteOptions options{
      .field_manager = flags.field_manager, .dry_run = "All", .field_validation = ""};
  if (flags.server_side) {
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
  if (At(original, "metadata", "annotations").empty() && original.contains("metadata")) {
    original["metadata"].erase("annotations");
  }
  const Type* type = object.kind.info ? object.kind.info->type : nullptr;
  const Json patch = ThreeWayPatch(type, original, modified, live);
  if (patch.empty()) return live;
  return session.api().Patch(resource, object.key, type ? PatchType::kStrategic : PatchType::kMerge,
                             patch, options);
}

// What a Secret holds is nobody's business; that it changes is shown.
void Mask(Json& live, Json& merged) {
  if (TextAt(merged, "kind") != "Secret") return;
  Json* before = live.is_object() && live.contains("data") ? &live["data"] : nullptr;
  Json* after = merged.contains("data") ? &merged["data"] : nullptr;
  if (after && after->is_object()) {
    for (auto& [key, value] : after->items()) {
      const bool both = before && before->is_object() && before->contains(key);
      const bool same = both && (*before)[key] == value;
      if (both) (*before)[key] = same ? "***" : "*** (before)";
      value = both && !same ? "*** (after)" : "***";
    }
  }
  if (!before || !before->is_object()) return;
  for (auto& [key, value] : before->items()) {
    if (!TextOf(value).starts_with("***")) value = "***";
  }
}

std::string FileNameOf(const Resource& resource, const ObjectKey& key) {
  std::string version = resource.api_version;
  for (char& c : version) c = c == '/' ? '.' : c;
  return fmt::format("{}.{}.{}.{}", version, resource.kind, key.namespace_, key.name);
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
  ProcessSpec spec;
  const std::string external = command.environment().variable("KUBECTL_EXTERNAL_DIFF");
  spec.argv = external.empty() ? Args{"diff", "-u", "-N"} : Split(external, ' ');
  spec.argv.push_back(versions.live());
  spec.argv.push_back(versions.merged());
  auto output = RunProcess(spec);
  if (!output) {
    return CliError(
        fmt::format("failed to run {}: {}", Join(spec.argv, " "), output.error().message));
  }
  command.environment().out(output->out);
  command.environment().err(output->err);
  if (output->exit_code > 1) {
    return CliError(fmt::format("exit status {}", output->exit_code));
  }
  differs = output->exit_code == 1;
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
