// `compose up`: makes the cluster what the files say, and no more than differs.
//
// First nothing is changed: every object is looked at, what is said to be there is looked for, and
// all is applied as a dry run, so that what the server refuses refuses the whole, in one go. Then
// what the files do not have any more goes, and the rest is applied, services behind those they
// depend on, whose conditions are waited for.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/rules/names.h"
#include "api/text/go_text.h"
#include "cli/compose/command.h"
#include "cli/compose/judge.h"
#include "cli/compose/parts.h"
#include "cli/compose/published.h"
#include "cli/compose/scalars.h"
#include "cli/compose/wait.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/terminal_text.h"
#include "cli/writing.h"

namespace skiff::cli::compose {
namespace {

constexpr char kManager[] = "skiff-compose";
constexpr char kSecretsAnnotation[] = "compose.skiff.io/secrets";

struct UpFlags {
  ProjectFlags project;
  bool dry_run = false;
  bool force_conflicts = false;
  bool wait = false;
  bool detach = false;
  bool build = false;
  bool no_build = false;
  bool remove_orphans = false;
  Duration timeout = 300s;

  void AddTo(Command& command) {
    project.AddTo(command);
    command.Flag("dry-run", dry_run, "The server says what would change, and changes nothing.");
    command.Flag("force-conflicts", force_conflicts, "Take over fields of other managers.");
    command.Flag("wait", wait, "Wait until all services are ready, and tasks have ended.");
    command.Flag("detach,d", detach, "Has no effect: what is up runs in the cluster anyway.");
    command.Flag("timeout", timeout, "How long to wait for each service.");
    command.Flag("build", build, "Refused: images have to be there.");
    command.Flag("no-build", no_build, "Has no effect: images are never built.");
    command.Flag("remove-orphans", remove_orphans,
                 "Has no effect: what left the files goes anyway.");
  }
};

using ObjectId = std::pair<std::string, std::string>;  // Kind and name.

ObjectId IdOf(const Json& object) {
  return {TextAt(object, "kind"), NameOf(object)};
}

bool IsHeadless(const Json& service) {
  return TextAt(service, "spec", "clusterIP") == "None";
}

// What somebody wants of the object. Versions also change by what others say of its state.
Json Wanted(Json object) {
  object.erase("status");
  for (const char* name : {"resourceVersion", "managedFields", "generation"}) {
    object["metadata"].erase(name);
  }
  return object;
}

class Up {
 public:
  Up(Command& command, const UpFlags& flags, Session& session, Loaded& loaded)
      : command_(command),
        flags_(flags),
        session_(session),
        project_(loaded.project),
        conversion_(loaded.conversion) {}

  Result<> Run() {
    for (Found& found : TRY(FindObjects(session_, project_.name))) {
      const ObjectId id = IdOf(found.object);
      before_.emplace(id, std::move(found));
    }
    // What is kept is known to the cluster, and is neither written nor waited for.
    std::erase_if(conversion_.workloads, [&](const Workload& workload) {
      if (!IsKept(workload.object)) return false;
      wanted_.insert(IdOf(workload.object));
      return true;
    });
    std::erase_if(conversion_.shared, [&](const Json& object) {
      if (!IsKept(object)) return false;
      wanted_.insert(IdOf(object));
      return true;
    });
    TRY(CheckNamespace());
    TRY(CheckFolders());
    PutFolder();
    TRY(CheckAll());
    TRY(Prune());
    for (const Json& object : conversion_.shared) TRY(Write(object));
    for (Workload& workload : conversion_.workloads) {
      TRY(WaitForDependencies(workload));
      PutSecretVersions(workload);
      TRY(Write(workload.object));
    }
    if (!flags_.wait || flags_.dry_run) return {};
    for (const Workload& workload : conversion_.workloads) {
      TRY(WaitFor(workload,
                  workload.is_task ? "service_completed_successfully" : "service_healthy"));
    }
    return CheckPublished();
  }

 private:
  // It is of a service that another `up` started with a profile of its own.
  bool IsKept(const Json& object) const {
    return flags_.project.options.kept.contains(
        TextAt(object, "metadata", "labels", kServiceLabel));
  }
  Result<Resource> ResourceOf(const Json& object) {
    const auto kind = TRY(session_.kinds().FindByKind(TextAt(object, "apiVersion"),
                                                      TextAt(object, "kind")));
    if (kind) return kind->resource;
    return CliError(fmt::format("the server has no kind {} in {}", TextAt(object, "kind"),
                                TextAt(object, "apiVersion")));
  }
  ObjectKey KeyOf(const Json& object) const {
    return {session_.namespace_(), NameOf(object)};
  }

  // Where it cannot take anything that is one matter, not one of each object. Who may not look at
  // namespaces is told by what is refused.
  Result<> CheckNamespace() {
    const std::string name = session_.namespace_();
    if (!Dns1123LabelErrors(name).empty()) {
      return CliError(fmt::format("{} is no name of a namespace: {}", GoQuote(name),
                                  Dns1123LabelErrors(name).front()));
    }
    const auto found =
        session_.api().Get(TRY(session_.kinds().Find("namespaces")).resource, {"", name});
    if (!found && found.error().reason == Reason::kNotFound) {
      return CliError(
          fmt::format("namespace {0} does not exist: make it (skiff create namespace {1}), or name "
                      "another by -n",
                      GoQuote(name), name));
    }
    if (found && TextAt(*found, "status", "phase") == "Terminating") {
      return CliError(fmt::format(
          "namespace {0} is being deleted: wait until it is gone (skiff wait --for=delete "
          "namespace/{1}) and make it anew, or name another by -n",
          GoQuote(name), name));
    }
    return {};
  }

  // What another folder of that name has made is neither changed nor pruned, nor are its volumes
  // used.
  Result<> CheckFolders() const {
    std::set<ObjectId> ours;
    for (const Json& object : conversion_.Objects()) ours.insert(IdOf(object));
    for (const auto& [id, found] : before_) {
      if (id.first == "PersistentVolumeClaim" && !ours.contains(id)) continue;
      if (IsKept(found.object)) continue;  // It stays as it is.
      TRY(CheckFolder(project_, found));
    }
    return {};
  }

  void PutFolder() {
    const std::string folder = FolderOf(project_);
    const auto put = [&](Json& object) {
      // Each version of a Secret makes new pods.
      if (TextAt(object, "kind") == "Secret") return;
      object["metadata"]["annotations"][kFolderAnnotation] = folder;
    };
    for (Json& object : conversion_.shared) put(object);
    for (Workload& workload : conversion_.workloads) put(workload.object);
  }

  // Changes nothing, and fails with all that would be refused.
  Result<> CheckAll() {
    for (const Json& object : conversion_.Objects()) {
      wanted_.insert(IdOf(object));
      TRY(CheckOwner(object));
    }
    TRY(CheckExternal());
    TRY(CheckPorts());
    for (const Json& object : conversion_.Objects()) {
      if (IsReplaced(object) || of_others_.contains(IdOf(object))) continue;
      const auto applied = Apply(object, /*dry_run=*/true);
      if (applied) continue;
      if (!IsRefusal(applied.error())) return Fail(applied.error());
      Refuse(object, applied.error());
    }
    return refused_.Told();
  }

  // It is about what was sent; else there is no use in going on.
  static bool IsRefusal(const Error& error) {
    return error.reason == Reason::kInvalid || error.reason == Reason::kForbidden ||
           error.reason == Reason::kConflict || error.reason == Reason::kBadRequest ||
           error.reason == Reason::kNotFound || error.reason == Reason::kRequestEntityTooLarge;
  }

  void Refuse(const Json& object, const Error& error) {
    TellRefused(project_, object, error, refused_);
  }

  // Nothing of somebody else's is taken over, other projects among them.
  Result<> CheckOwner(const Json& object) {
    if (before_.contains(IdOf(object))) return {};
    const Resource resource = TRY(ResourceOf(object));
    const auto live = session_.api().Get(resource, KeyOf(object));
    if (!live) {
      if (live.error().reason == Reason::kNotFound) return {};
      return Fail(live.error());
    }
    const std::string other = TextAt(*live, "metadata", "labels", kProjectLabel);
    const auto taken = CliError(fmt::format(
        "{} \"{}\" in namespace {} is {}: choose another namespace by -n, or another name",
        KindName(resource), NameOf(object), session_.namespace_(),
        other.empty() ? "not of a compose project" : "of the compose project " + other));
    Refuse(object, taken.value());
    of_others_.insert(IdOf(object));
    return {};
  }

  // What is said to be there already has to be.
  Result<> CheckExternal() {
    constexpr std::pair<const char*, const char*> kKinds[] = {
        {"volumes", "persistentvolumeclaims"}, {"configs", "configmaps"}, {"secrets", "secrets"}};
    for (const auto& [key, kind] : kKinds) {
      const ServedKind served = TRY(session_.kinds().Find(kind));
      for (const Member& member : project_.root[key].members) {
        if (!member.node["external"].IsTrue() || !IsMounted(key, member.key)) continue;
        const std::string name = ResourceName(project_, member.node, member.key);
        const auto found =
            session_.api().Get(served.resource, {session_.namespace_(), name});
        if (found) continue;
        if (found.error().reason != Reason::kNotFound) return Fail(found.error());
        refused_.Add(Wrong(member.node, fmt::format("{}.{} is external, and there is no {} {} in "
                                                    "namespace {}",
                                                    key, member.key, KindName(served.resource),
                                                    GoQuote(name), session_.namespace_())));
      }
    }
    return {};
  }

  // A port that somebody else has at the nodes would not lead here.
  Result<> CheckPorts() {
    std::vector<Json> publishing;
    for (const Json& object : conversion_.shared) {
      if (!IsPublishing(object)) continue;
      const auto found = before_.find(IdOf(object));
      Json asking = found == before_.end() ? object : WithPortsToGet(object, found->second.object);
      if (!At(asking, "spec", "ports").empty()) publishing.push_back(std::move(asking));
    }
    if (publishing.empty()) return {};
    const auto services = ListAll("services"), nodes = ListAll("nodes");
    if (!services || !nodes) return {};  // Who may not look is told when it does not come.
    const std::set<std::string> addresses = AddressesOf(nodes->items);
    const ProjectPlace place{ProjectLabelValue(project_.name), session_.namespace_()};
    for (const Json& object : publishing) {
      for (const std::string& taken : PortsTaken(object, place, services->items, addresses)) {
        Refuse(object, {.message = taken, .causes = {{"", "", "spec.ports"}}});
      }
    }
    return {};
  }

  Result<JsonList> ListAll(const char* kind) {
    const ServedKind served = TRY(session_.kinds().Find(kind));
    return session_.api().List(served.resource, {});
  }

  static const Json& AddressesGiven(const Json& service) {
    return At(service, "status", "loadBalancer", "ingress");
  }

  // Where nobody gives addresses nobody says why either, and all else of the project is up.
  Result<> CheckPublished() {
    for (const Json& object : conversion_.shared) {
      if (!IsPublishing(object)) continue;
      const std::string why = TRY(WhyWithoutAddress(object));
      if (why.empty()) continue;
      return CliError(
          fmt::format("service {} is not published: {}\n(publish another port, or skiff "
                      "why service/{} -n {})",
                      NameOf(object), WithoutControls(why), NameOf(object), session_.namespace_()));
    }
    return {};
  }

  // "" where it has one, or nobody says why it has none. What is told of a port that it has no more
  // is of before that was changed: who told it is about to tell something else.
  Result<std::string> WhyWithoutAddress(const Json& object) {
    constexpr Duration kMoment = 5s;
    const Resource resource = TRY(ResourceOf(object));
    const ServedKind events = TRY(session_.kinds().Find("events"));
    std::string last;
    for (const bool is_last : {false, true}) {
      const Json live = TRY(session_.api().Get(resource, KeyOf(object)));
      if (HasItsPorts(live)) return std::string();
      // Addresses without a port that it asks for by now are those of before: it gets that as well,
      // or loses them.
      const bool is_of_before = !AddressesGiven(live).empty();
      if (!is_of_before) {
        ListOptions options;
        options.namespace_ = session_.namespace_();
        options.field_selector =
            "reason=SyncLoadBalancerFailed,involvedObject.uid=" + TextAt(live, "metadata", "uid");
        const auto told = session_.api().List(events.resource, options);
        if (!told || told->items.empty()) return last;
        for (const Json& event : told->items) {
          const std::string message = TextAt(event, "message");
          if (IsOfItsPorts(message, live)) last = message;
        }
        if (!last.empty()) return last;
      }
      if (is_last) break;
      if (is_of_before) last = "it has lost its addresses";
      const auto is_settled = [&](const Json* now) -> Result<bool> {
        return now == nullptr || HasItsPorts(*now) ||
               (is_of_before && AddressesGiven(*now).empty());
      };
      // That it takes longer is no failure.
      (void)WaitUntil(session_, resource, KeyOf(object), std::min(flags_.timeout, kMoment),
                      is_settled);
    }
    return std::string();
  }

  bool IsMounted(std::string_view kind, const std::string& source) const {
    for (const Member& service : project_.root["services"].members) {
      for (const Node& item : service.node[kind].items) {
        if (item["source"].Text() == source) return true;
      }
    }
    return false;
  }

  // What is there cannot become it: the pods of a Job do not change, and a Service keeps its
  // address, or goes on without one.
  bool IsReplaced(const Json& object) const {
    const auto found = before_.find(IdOf(object));
    if (found == before_.end()) return false;
    const Json& live = found->second.object;
    const std::string kind = TextAt(object, "kind");
    if (kind == "Service") return IsHeadless(object) != IsHeadless(live);
    return kind == "Job" && TextAt(object, "metadata", "annotations", kDigestAnnotation) !=
                                TextAt(live, "metadata", "annotations", kDigestAnnotation);
  }

  Result<Json> Apply(const Json& object, bool dry_run) {
    const Resource resource = TRY(ResourceOf(object));
    Query query = {{"fieldManager", kManager},
                   {"fieldValidation", "Strict"},
                   {"force", flags_.force_conflicts ? "true" : "false"}};
    if (dry_run) query.emplace_back("dryRun", "All");
    Json placed = object;
    placed["metadata"]["namespace"] = session_.namespace_();
    auto applied = session_.api().Write("PATCH", TRY(resource.Path(KeyOf(object))),
                                        std::move(query), placed, "application/apply-patch+yaml");
    if (applied) return applied;
    Error error = applied.error();
    error.message = fmt::format("{} \"{}\": {}{}", KindName(resource), NameOf(object),
                                error.message,
                                error.reason == Reason::kConflict
                                    ? "\n(--force-conflicts takes these fields over)"
                                    : "");
    return Fail(std::move(error));
  }

  // `waits`: until it is gone. Else only workloads are waited for.
  Result<> Delete(const Found& found, const char* word, bool waits) {
    const Target target{found.resource, found.key(), "", Json()};
    const std::string suffix = flags_.dry_run ? " (server dry run)" : "";
    DeleteFlags deletion;
    // A volume may not have two users, nor a name two meanings: the old pods go first.
    deletion.cascade = "foreground";
    const auto gone = DeleteObject(session_, target, deletion, flags_.dry_run ? "All" : "");
    if (!gone && gone.error().reason != Reason::kNotFound) return Fail(gone.error());
    command_.Print("{}/{} {}{}\n", KindName(found.resource), target.key.name, word, suffix);
    if (flags_.dry_run || (!waits && !IsWorkload(found.resource))) return {};
    return AwaitGone(session_, target, TextAt(found.object, "metadata", "uid"), flags_.timeout);
  }

  // Volumes stay: only `down --volumes` takes them.
  Result<> Prune() {
    for (const auto& [id, found] : before_) {
      if (wanted_.contains(id) || id.first == "PersistentVolumeClaim") continue;
      // What a controller made is its own to remove.
      if (!At(found.object, "metadata", "ownerReferences").empty()) continue;
      TRY(Delete(found, "pruned", /*waits=*/false));
    }
    return {};
  }

  Result<> Write(const Json& object) {
    const auto found = before_.find(IdOf(object));
    const bool replaced = IsReplaced(object);
    if (replaced) TRY(Delete(found->second, "deleted", /*waits=*/true));
    if (replaced && flags_.dry_run) return {};
    const Json made = TRY(Apply(object, flags_.dry_run));
    const std::string version = TextAt(made, "metadata", "resourceVersion");
    if (TextAt(object, "kind") == "Secret") secret_versions_[NameOf(object)] = version;
    const char* word = "created";
    if (found != before_.end() && !replaced) {
      word = Wanted(made) == Wanted(found->second.object) ? "unchanged" : "configured";
    }
    command_.Print("{}/{} {}{}\n", KindName(TRY(ResourceOf(object))), NameOf(object), word,
                   flags_.dry_run ? " (server dry run)" : "");
    return {};
  }

  // Another secret makes new pods. A digest in its place would tell who may read pods of what they
  // may not read.
  void PutSecretVersions(Workload& workload) const {
    std::string versions;
    for (const std::string& name : workload.secrets) {
      const auto found = secret_versions_.find(name);
      if (found == secret_versions_.end()) continue;
      versions += (versions.empty() ? "" : ",") + found->second;
    }
    if (versions.empty() || TextAt(workload.object, "kind") == "Job") return;
    workload.object["spec"]["template"]["metadata"]["annotations"][kSecretsAnnotation] = versions;
  }

  Result<> WaitForDependencies(const Workload& workload) {
    if (flags_.dry_run) return {};
    for (const Dependency& dependency : workload.after) {
      for (const Workload& other : conversion_.workloads) {
        if (other.service == dependency.service) TRY(WaitFor(other, dependency.condition));
      }
    }
    return {};
  }

  Result<> WaitFor(const Workload& workload, const std::string& condition) {
    return ServiceWait(command_, session_, project_, flags_.timeout)
        .For(workload, TRY(ResourceOf(workload.object)), condition);
  }

  Command& command_;
  const UpFlags& flags_;
  Session& session_;
  const Project& project_;
  Conversion& conversion_;
  std::map<ObjectId, Found> before_;
  std::set<ObjectId> wanted_;
  std::set<ObjectId> of_others_;  // Which have the names of ours.
  Mistakes refused_;
  std::map<std::string, std::string> secret_versions_;
};

// Services of profiles that are not asked for this time stay if they are up: they left no file.
Result<> KeepOthers(Command& command, LoadOptions& options) {
  Mistakes wrong;
  const auto project = Load(options, DiskFiles(), wrong);
  // What is wrong is told by who loads it next, with what else there is.
  if (!project || !wrong.empty() || project->inactive.empty()) return {};
  std::set<std::string> there;
  for (const Found& found : TRY(FindObjects(*TRY(command.session()), project->name))) {
    if (!IsWorkload(found.resource)) continue;
    there.insert(TextAt(found.object, "metadata", "labels", kServiceLabel));
  }
  for (const std::string& service : project->inactive) {
    const std::string label = LabelValue(service);
    if (there.contains(label)) options.kept.insert(label);
  }
  return {};
}

}  // namespace

Result<> RunComposeUp(Command& command, const Args& args) {
  UpFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  flags.project.Complete(command);
  TRY(flags.project.RefuseServices(command));
  if (flags.build) {
    return CliError(
        "--build: there is no engine in the cluster that could build images; build them (docker "
        "compose build), hand them to the nodes (docker save IMAGE >image.tar, and skiff image "
        "load image.tar on each; skiff image load --docker IMAGE for `skiff up --docker`), and run "
        "`skiff compose up` without it");
  }
  TRY(KeepOthers(command, flags.project.options));
  Loaded loaded = TRY(LoadAndConvert(command, flags.project));
  Session& session = *TRY(command.session());
  return Up(command, flags, session, loaded).Run();
}

}  // namespace skiff::cli::compose
