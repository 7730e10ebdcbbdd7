#include <optional>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/group_version.h"
#include "cli/apply_migration.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/prune/apply_set.h"
#include "cli/three_way.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr int kMigrationsMax = 5;
constexpr int kConflictRetriesMax = 5;
constexpr Duration kConflictPause = 1s;

struct ApplyFlags {
  WriteFlags write;
  FileFlags files;
  DeleteFlags deletion;
  std::string selector;
  bool server_side = false;
  bool force_conflicts = false;
  bool overwrite = true;
  bool openapi_patch = true;
  bool all = false;
  bool wait = false;
  std::string subresource;
  bool prune = false;
  std::vector<std::string> prune_allowlist;
  std::string apply_set;

  void AddTo(Command& command) {
    write.AddTo(command, "kubectl-client-side-apply");
    files.AddTo(command);
    deletion.AddTo(command);
    command.Flag("selector,l", selector, "Selector (label query) to filter on.");
    command.Flag("server-side", server_side, "Apply runs in the server.");
    command.Flag("force-conflicts", force_conflicts, "Take over fields of other managers.");
    command.Flag("overwrite", overwrite,
                 "Let the file win over changes that others have made since the last apply.");
    command.Flag("openapi-patch", openapi_patch,
                 "Has no effect here: built-in kinds are merged by their types.");
    command.Flag("all", all, "With --prune: whatever an apply has made may go.");
    command.Flag("wait", wait, "Wait for deleted objects to be gone.");
    command.Flag("subresource", subresource, "With --server-side: apply this one of the objects.");
    command.Flag("prune", prune,
                 "Delete what an apply has made and the files do not have any more.");
    command.FlagEach("prune-allowlist", prune_allowlist,
                     "Prune only objects of this group/version/Kind.");
    // As kubectl has it: the flag is not there unless the variable asks for it.
    const std::string alpha = Lower(command.environment().variable("KUBECTL_APPLYSET"));
    if (alpha == "true" || alpha == "1" || alpha == "t") {
      command.Flag("applyset", apply_set,
                   "[RESOURCE][.GROUP]/NAME of the object that tracks what is applied together.");
    }
  }

  Result<> Check(Command& command) const;
  Result<> CheckPrune() const;
  // The set that --applyset names, if it may be one.
  Result<std::optional<ApplySet>> FindSet(Command& command) const;
};

Result<> ApplyFlags::Check(Command& command) const {
  if (!command.words().empty()) {
    return command.UsageError(
        fmt::format("Unexpected args: [{}]{}", Join(command.words(), " "),
                    MeantVerb(command.environment(), "apply", command.words()[0])));
  }
  if (files.empty()) return CliError("must specify one of -f and -k");
  if (force_conflicts && !server_side) {
    return CliError("--force-conflicts only works with --server-side");
  }
  if (server_side && write.dry_run.client()) {
    return CliError(
        "--dry-run=client doesn't work with --server-side (did you mean "
        "--dry-run=server instead?)");
  }
  if (!subresource.empty() && !server_side) {
    return CliError("--subresource can only be specified for --server-side");
  }
  if (server_side && deletion.force) return CliError("--force cannot be used with --server-side");
  if (write.dry_run.server() && deletion.force) {
    return CliError("--dry-run=server cannot be used with --force");
  }
  if (all && !selector.empty()) {
    return CliError("cannot set --all and --selector at the same time");
  }
  if (!apply_set.empty() && !prune) return CliError("--applyset requires --prune");
  return {};
}

// What --prune goes badly with.
Result<> ApplyFlags::CheckPrune() const {
  // An object that is made anew has another uid, and would be taken for one that was not met.
  if (deletion.force) return CliError("--force cannot be used with --prune");
  if (!apply_set.empty()) {
    if (all) return CliError("--all is incompatible with --applyset");
    if (!selector.empty()) return CliError("--selector is incompatible with --applyset");
    if (!prune_allowlist.empty()) {
      return CliError("--prune-allowlist is incompatible with --applyset");
    }
    return {};
  }
  if (!all && selector.empty()) {
    return CliError(
        "all resources selected for prune without explicitly passing --all. To prune all "
        "resources, pass the --all flag. If you did not mean to prune all resources, specify a "
        "label selector");
  }
  if (server_side) {
    return CliError(
        "--prune is in alpha and doesn't currently work on objects created by server-side apply");
  }
  return {};
}

Result<std::optional<ApplySet>> ApplyFlags::FindSet(Command& command) const {
  if (apply_set.empty()) return std::optional<ApplySet>();
  ApplySet named = TRY(ApplySet::Named(command, apply_set));
  TRY(named.Check());
  return std::optional<ApplySet>(std::move(named));
}

// What all objects that were applied come to, in one document, where objects are to be printed.
class Printed {
 public:
  Printed(Command& command, const WriteFlags& flags) : command_(command), flags_(flags) {}
  Result<> Add(const Json& object, const Resource& resource, const std::string& operation) {
    const PrintFlags& print = flags_.print;
    // A template without `-o` is for each of them, too.
    const bool is_line = print.output == "name" || print.output.empty();
    if (is_line) return PrintWritten(command_, flags_, object, resource, operation);
    objects_.push_back(object);
    return {};
  }
  Result<> End() {
    if (objects_.empty()) return {};
    PrintFlags print = flags_.print;
    Json all = objects_[0];
    if (objects_.size() > 1) {
      all = {{"apiVersion", "v1"},
             {"items", objects_},
             {"kind", "List"},
             {"metadata", Json::object()}};
      print.json_order = {.first = {"kind", "apiVersion", "metadata", "items"}, .levels = 1};
    }
    if (print.HidesManagedFields()) DropManagedFields(all);
    const auto printer = TRY(MakeObjectPrinter(print));
    command_.environment().out(TRY(printer->Print(all)));
    return {};
  }

 private:
  Command& command_;
  const WriteFlags& flags_;
  std::vector<Json> objects_;
};

constexpr char kConflictHelp[] =
    "Please review the fields above--they currently have other managers. Here\n"
    "are the ways you can resolve this warning:\n"
    "* If you intend to manage all of these fields, please re-run the apply\n"
    "  command with the `--force-conflicts` flag.\n"
    "* If you do not intend to manage all of the fields, please edit your\n"
    "  manifest to remove references to the fields that should keep their\n"
    "  current managers.\n"
    "* You may co-own fields by updating your manifest to match the existing\n"
    "  value; in this case, you'll become the manager if the other manager(s)\n"
    "  stop managing the field (remove it from their configuration).\n"
    "See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

Result<Json> SendApply(Session& session, const Resource& resource, const ObjectKey& key,
                       const Json& object, const WriteOptions& options, bool force,
                       const std::string& subresource = "") {
  Query query = QueryOf(options);
  query.emplace_back("force", force ? "true" : "false");
  return session.api().Write("PATCH", TRY(resource.Path(key, subresource)), std::move(query), object,
                             "application/apply-patch+yaml");
}

// The first apply by the server after one by a client: the annotation gets a manager of its own,
// and what the client's manager owned goes to ours. Returns the object as it is then.
Result<Json> Migrate(Session& session, const ManifestObject& object, const WriteOptions& options,
                     bool force, Json applied) {
  const Resource& resource = object.kind.resource;
  const std::string last = TextAt(applied, "metadata", "annotations", kLastApplied);
  constexpr char kKeeper[] = "kubectl-last-applied";
  bool kept = last.empty() || options.field_manager != "kubectl";
  for (const Json& entry : At(applied, "metadata", "managedFields")) {
    kept |= TextAt(entry, "manager") == kKeeper;
  }
  if (!kept) {
    Json annotated = {
        {"apiVersion", resource.api_version},
        {"kind", resource.kind},
        {"metadata", {{"annotations", {{kLastApplied, last}}}, {"name", object.key.name}}}};
    if (resource.namespaced) annotated["metadata"]["namespace"] = object.key.namespace_;
    WriteOptions as_keeper = options;
    as_keeper.field_manager = kKeeper;
    applied = TRY(SendApply(session, resource, object.key, annotated, as_keeper, true));
  }
  for (int attempt = 0; attempt < kMigrationsMax; ++attempt) {
    Json fields = MigratedManagedFields(applied, options.field_manager);
    if (fields.is_null()) return applied;
    const Json patch = Json::array(
        {{{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", std::move(fields)}},
         {{"op", "replace"},
          {"path", "/metadata/resourceVersion"},
          {"value", TextAt(applied, "metadata", "resourceVersion")}}});
    const auto patched =
        session.api().Patch(resource, object.key, PatchType::kJson, patch, options);
    if (patched) return SendApply(session, resource, object.key, object.object, options, force);
    if (patched.error().reason != Reason::kConflict) return Fail(patched.error());
    applied = TRY(session.api().Get(resource, object.key));
  }
  // Somebody writes it all the time: the next apply is early enough.
  return applied;
}

void WarnIfDeleting(Command& command, const Json& object) {
  if (At(object, "metadata", "deletionTimestamp").is_null()) return;
  command.Warn("Warning: Detected changes to resource {} which is currently being deleted.\n",
               NameOf(object));
}

Result<> ApplyOnServer(Command& command, const ApplyFlags& flags, const ManifestObject& object,
                       Visited& visited, Printed& printed) {
  Session& session = *TRY(command.session());
  WriteOptions options = TRY(flags.write.Options());
  if (!command.Given("field-manager")) options.field_manager = "kubectl";
  auto applied = SendApply(session, object.kind.resource, object.key, object.object, options,
                           flags.force_conflicts, flags.subresource);
  if (applied && options.dry_run.empty() && flags.subresource.empty()) {
    auto migrated = Migrate(session, object, options, flags.force_conflicts, *applied);
    if (migrated) {
      applied = std::move(migrated);
    } else {
      command.Warn(
          "Warning: server rejected managed fields migration to Server-Side Apply. This is "
          "non-fatal and will be retried next time you apply. Error: {}\n",
          migrated.error().message);
    }
  }
  if (applied) {
    WarnIfDeleting(command, *applied);
    visited.Add(*applied);
    return printed.Add(*applied, object.kind.resource, "serverside-applied");
  }
  if (applied.error().reason != Reason::kConflict) return Fail(applied.error());
  return CliError(applied.error().message + "\n" + kConflictHelp);
}

struct Change {
  Json patch;
  bool strategic;
  bool overwrites;  // What somebody else has changed since the last apply. Of kinds of ours alone.
};

Change ChangeOf(const ManifestObject& object, const Json& modified, const Json& live) {
  Json original = Json::object();
  const std::string last = TextAt(live, "metadata", "annotations", kLastApplied);
  if (auto parsed = ParseJson(last); !last.empty() && parsed) original = std::move(*parsed);
  const Type* type = object.kind.info ? object.kind.info->type : nullptr;
  Json patch = ThreeWayPatch(type, original, modified, live);
  const bool overwrites = type != nullptr && OverwritesChanges(*type, patch, original, live);
  return {std::move(patch), type != nullptr, overwrites};
}

// Which object of the server's an error is about.
std::string IdentityOf(const ManifestObject& object) {
  const Resource& resource = object.kind.resource;
  const std::string version = (resource.Group().empty() ? "/" : "") + resource.api_version;
  return fmt::format(
      "Resource: \"{}, Resource={}\", GroupVersionKind: \"{}, Kind={}\"\nName: {}, Namespace: {}",
      version, resource.name, version, resource.kind, GoQuote(object.key.name),
      GoQuote(object.key.namespace_));
}

std::string PatchFailure(const ManifestObject& object, const Json& patch,
                         const std::string& message) {
  return fmt::format("error when applying patch:\n{}\nto:\n{}\nfor: {}: error when patching {}: {}",
                     GoJson(patch), IdentityOf(object), GoQuote(object.source),
                     GoQuote(object.source), message);
}

std::string ReadFailure(const ManifestObject& object, const std::string& message) {
  return fmt::format(
      "error when retrieving current configuration of:\n{}\nfrom server for: {}: {}",
      IdentityOf(object), GoQuote(object.source), message);
}

// Without members that are null, which an apply of what is there takes out, too.
void DropNulls(Json& value) {
  if (value.is_object()) {
    for (auto at = value.begin(); at != value.end();) {
      at = at->is_null() ? value.erase(at) : std::next(at);
    }
  }
  if (!value.is_structured()) return;
  for (Json& member : value) DropNulls(member);
}

// Deletes the object, waits, and makes it anew (--force). Where the server does not want the new
// one, the old one is made again: nobody loses what he had by an apply that failed.
Result<Json> Recreate(Session& session, const ApplyFlags& flags, const ManifestObject& object,
                      const Json& modified, Json live, const WriteOptions& options) {
  const Target target{object.kind.resource, object.key, object.source, nullptr};
  DeleteFlags deletion = flags.deletion;
  deletion.force = false;
  TRY(DeleteObject(session, target, deletion, ""));
  TRY(AwaitGone(session, target, TextAt(live, "metadata", "uid"), flags.deletion.timeout));
  const Resource& resource = object.kind.resource;
  auto made = session.api().Create(resource, object.key.namespace_, modified, options);
  if (made || made.error().reason == Reason::kAlreadyExists) return made;
  live["metadata"].erase("resourceVersion");
  const auto restored = session.api().Create(resource, object.key.namespace_, live, options);
  if (restored) return made;
  return CliError(
      fmt::format("An error occurred force-replacing the existing object with the newly provided "
                  "one:\n\n{}.\n\nAdditionally, an error occurred attempting to restore the "
                  "original object:\n\n{}",
                  made.error().message, restored.error().message));
}

// Patches the live object until it follows the file; conflicts are tried again.
Result<> PatchLive(Command& command, const ApplyFlags& flags, const ManifestObject& object,
                   const Json& modified, Json live, Printed& printed) {
  Session& session = *TRY(command.session());
  const Resource& resource = object.kind.resource;
  const WriteOptions options = TRY(flags.write.Options());
  for (int attempt = 0;; ++attempt) {
    const Change change = ChangeOf(object, modified, live);
    if (change.overwrites && !flags.overwrite) {
      return CliError(PatchFailure(
          object, change.patch, "the patch conflicts with changes made from original to current"));
    }
    if (change.patch.empty()) {
      WarnIfDeleting(command, live);
      return printed.Add(live, resource, "unchanged");
    }
    auto patched = session.api().Patch(resource, object.key,
                                       change.strategic ? PatchType::kStrategic : PatchType::kMerge,
                                       change.patch, options);
    if (patched) {
      WarnIfDeleting(command, *patched);
      return printed.Add(*patched, resource, "configured");
    }
    Error error = patched.error();
    const bool conflict = error.reason == Reason::kConflict;
    if (conflict && attempt < kConflictRetriesMax) {
      if (attempt >= 2) command.environment().pause(kConflictPause);
      live = TRY(session.api().Get(resource, object.key));
      continue;
    }
    if (flags.deletion.force && (conflict || error.reason == Reason::kInvalid)) {
      auto made = Recreate(session, flags, object, modified, std::move(live), options);
      if (made) return printed.Add(*made, resource, "configured");
      error = made.error();
    }
    error.message = PatchFailure(object, change.patch, error.message);
    return Fail(std::move(error));
  }
}

Result<> ApplyHere(Command& command, const ApplyFlags& flags, const ManifestObject& object,
                   Visited& visited, Printed& printed) {
  Session& session = *TRY(command.session());
  const Resource& resource = object.kind.resource;
  const Json modified = WithLastApplied(object.object);
  auto live = session.api().Get(resource, object.key);
  if (!live) {
    if (live.error().reason == Reason::kServiceUnavailable) {
      return Fail(flags.write.Failure(live.error(), "reading", object.source));
    }
    if (live.error().reason != Reason::kNotFound) {
      Error error = live.error();
      error.message = ReadFailure(object, error.message);
      return Fail(std::move(error));
    }
    Json made = modified;
    DropNulls(made);
    if (!flags.write.dry_run.client()) {
      const WriteOptions options = TRY(flags.write.Options());
      auto created = session.api().Create(resource, object.key.namespace_, made, options);
      if (!created) return Fail(flags.write.Failure(created.error(), "creating", object.source));
      made = std::move(*created);
    }
    visited.Add(made);
    return printed.Add(made, resource, "created");
  }
  visited.Add(*live);
  // What it would become is not worked out: it is shown as it is, as kubectl does.
  if (flags.write.dry_run.client()) return printed.Add(*live, resource, "configured");
  const std::string named = resource.name + "/" + object.key.name;
  if (TextAt(*live, "metadata", "annotations", kLastApplied).empty()) {
    command.Warn(
        "Warning: resource {0} is missing the {1} annotation which is required by {2} apply. "
        "{2} apply should only be used on resources created declaratively by either {2} "
        "create --save-config or {2} apply. The missing annotation will be patched "
        "automatically.\n",
        named, kLastApplied, command.environment().program);
  }
  return PatchLive(command, flags, object, modified, std::move(*live), printed);
}

Result<> ApplyOne(Command& command, const ApplyFlags& flags, const ManifestObject& object,
                  Visited& visited, Printed& printed) {
  if (object.kind.resource.namespaced) visited.namespaces.insert(object.key.namespace_);
  if (object.key.name.empty()) {
    const std::string prefix = TextAt(object.object, "metadata", "generateName");
    return CliError(prefix.empty()
                        ? ReadFailure(object, "resource name may not be empty")
                        : fmt::format("from {}: cannot use generate name with apply", prefix));
  }
  return flags.server_side ? ApplyOnServer(command, flags, object, visited, printed)
                           : ApplyHere(command, flags, object, visited, printed);
}

// All of the objects, and then what --prune takes away; not where one of them has failed, which
// might be met no more because of that.
Result<> ApplyAll(Command& command, const ApplyFlags& flags, std::optional<ApplySet> set,
                  std::vector<ManifestObject> objects) {
  Session& session = *TRY(command.session());
  Visited visited;
  if (session.namespace_given()) visited.namespaces.insert(session.namespace_());
  PruneKinds kinds;
  if (flags.prune && !set) {
    kinds = TRY(PruneKindsOf(session, flags.prune_allowlist));
  } else if (set) {
    TRY(set->Label(objects));
    TRY(set->Begin(objects, flags.write));
  }
  Printed printed(command, flags.write);
  for (const ManifestObject& object : objects) {
    const auto done = ApplyOne(command, flags, object, visited, printed);
    if (!done) command.Report(done.error());
  }
  if (command.exit_code() != 0) return {};
  TRY(printed.End());
  if (!flags.prune) return {};
  const PruneOptions options = {flags.write, flags.deletion};
  if (set) {
    const auto gone = TRY(set->FindToPrune(visited));
    TRY(Prune(command, gone, options));
    return set->End(flags.write);
  }
  WarnOfClusterKinds(command, kinds);
  const auto gone = TRY(FindToPrune(session, kinds, flags.selector, visited));
  return Prune(command, gone, options);
}

Result<> RunApplyFiles(Command& command, const Args& args) {
  ApplyFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  TRY(flags.deletion.Check(false));
  TRY(flags.Check(command));
  auto set = TRY(flags.FindSet(command));
  if (flags.prune) TRY(flags.CheckPrune());
  flags.files.validates = flags.write.Validates();
  flags.files.reads_all_first = true;
  auto objects = TRY(ReadManifests(command, flags.files));
  TRY(KeepSelected(flags.selector, objects));
  if (objects.empty() && command.exit_code() == 0) {
    return CliError("no objects passed to apply");
  }
  // As if the files said so: the next apply without it takes it away.
  for (ManifestObject& object : objects) {
    object.object = flags.write.record.In(std::move(object.object));
  }
  return ApplyAll(command, flags, std::move(set), std::move(objects));
}

constexpr Verb kApplyVerbs[] = {{"edit-last-applied", &RunEditLastApplied},
                                {"set-last-applied", &RunSetLastApplied},
                                {"view-last-applied", &RunViewLastApplied}};

}  // namespace

int ApplyMain(Environment& environment, const Args& args) {
  const size_t at = FirstWord(args);
  if (at < args.size() && FindVerb(kApplyVerbs, std::size(kApplyVerbs), args[at])) {
    return RunFamily(environment, "apply", kApplyVerbs, std::size(kApplyVerbs), args);
  }
  if (at == args.size()) TellVerbs(environment, kApplyVerbs, std::size(kApplyVerbs));
  return RunVerb(environment, {"apply", &RunApplyFiles}, "apply", args);
}

}  // namespace skiff::cli
