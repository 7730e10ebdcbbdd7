// `auth reconcile`: roles and bindings come to hold what files say, and keep what they hold beside.
#include "cli/auth_reconcile.h"

#include "api/codec/typed.h"
#include "api/rules/identity/rbac_reconcile.h"
#include "api/text/go_value.h"
#include "cli/json_text.h"
#include "cli/manifest.h"
#include "cli/printers.h"
#include "cli/session.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr int kTriesMax = 3;
constexpr std::string_view kRbac = "rbac.authorization.k8s.io/";
constexpr std::string_view kRbacV1 = "rbac.authorization.k8s.io/v1";

struct ReconcileFlags {
  PrintFlags print;
  DryRun dry_run;
  FileFlags files;
  RbacExtras extras;
};

struct Outcome {
  std::string operation;  // "create", "update", "recreate"; "": nothing is needed.
  ReconciledRbac made;    // `object`: what is there now, or would be.
};

// %+v
std::string StructText(const rbac_v1::PolicyRule& rule) {
  return fmt::format("{{Verbs:{} APIGroups:{} Resources:{} ResourceNames:{} NonResourceURLs:{}}}",
                     GoPlain(rule.verbs), GoPlain(rule.api_groups),
                     GoPlain(rule.resources), GoPlain(rule.resource_names),
                     GoPlain(rule.non_resource_urls));
}
std::string StructText(const rbac_v1::Subject& subject) {
  return fmt::format("{{Kind:{} APIGroup:{} Name:{} Namespace:{}}}", subject.kind,
                     subject.api_group, subject.name, subject.namespace_);
}

template <typename Item>
void TellItems(Command& command, std::string_view what, const std::vector<Item>& items) {
  if (items.empty()) return;
  command.Warn("\t{}:\n", what);
  for (const Item& item : items) command.Warn("\t\t{}\n", StructText(item));
}

Result<> Tell(Command& command, const ReconcileFlags& flags, const Resource& resource,
              const Outcome& outcome) {
  TRY(PrintOutcome(command, flags.print, outcome.made.object, resource,
                   "reconciled" + flags.dry_run.Suffix()));
  if (outcome.operation.empty()) return {};
  const ReconciledRbac& made = outcome.made;
  command.Warn("\treconciliation required {}{}\n", outcome.operation,
               made.is_protected ? ", but object opted out "
                                   "(rbac.authorization.kubernetes.io/autoupdate: false)"
                                 : "");
  TellItems(command, "missing subjects added", made.missing_subjects);
  if (flags.extras.remove_subjects) {
    TellItems(command, "extra subjects removed", made.extra_subjects);
  }
  TellItems(command, "missing rules added", made.missing_rules);
  if (flags.extras.remove_permissions) {
    TellItems(command, "extra rules removed", made.extra_rules);
  }
  return {};
}

// The namespace of what is created; who may not see or make one may find it there all the same.
Result<> EnsureNamespace(Session& session, const std::string& name) {
  const ServedKind spaces = TRY(session.kinds().Find("namespaces"));
  const auto fatal = [](const Error& error) {
    return error.reason != Reason::kNotFound && error.reason != Reason::kForbidden &&
           error.reason != Reason::kAlreadyExists;
  };
  const auto there = session.api().Get(spaces.resource, {"", name});
  if (there) return {};
  if (fatal(there.error())) return Fail(there.error());
  const auto made =
      session.api().Create(spaces.resource, "", Json{{"metadata", {{"name", name}}}}, {});
  if (!made && fatal(made.error())) return Fail(made.error());
  return {};
}

Result<Json> CreateRbac(Session& session, const ManifestObject& wanted) {
  const std::string& space = wanted.key.namespace_;
  if (!space.empty()) TRY(EnsureNamespace(session, space));
  return session.api().Create(wanted.kind.resource, space, wanted.object, {});
}

// All that a new role or binding holds was missing.
Result<Outcome> ToBeCreated(const ManifestObject& wanted) {
  Outcome outcome{"create", {}};
  outcome.made.object = wanted.object;
  if (wanted.object.contains("roleRef")) {
    auto binding = TRY(FromJson<rbac_v1::RoleBinding>(wanted.object));
    outcome.made.missing_subjects = std::move(binding.subjects);
  } else {
    auto role = TRY(FromJson<rbac_v1::ClusterRole>(wanted.object));
    outcome.made.missing_rules = std::move(role.rules);
  }
  return outcome;
}

Result<Outcome> TryOnce(Session& session, const ReconcileFlags& flags,
                        const ManifestObject& wanted) {
  const Resource& resource = wanted.kind.resource;
  const auto present = session.api().Get(resource, wanted.key);
  if (!present && present.error().reason != Reason::kNotFound) return Fail(present.error());
  Outcome outcome;
  if (present) {
    outcome.made = TRY(ReconcileRbac(*present, wanted.object, flags.extras));
    const RbacNeed need = outcome.made.need;
    outcome.operation = need == RbacNeed::kUpdate     ? "update"
                        : need == RbacNeed::kRecreate ? "recreate"
                                                      : "";
  } else {
    outcome = TRY(ToBeCreated(wanted));
  }
  if (outcome.made.is_protected || flags.dry_run.client() || outcome.operation.empty()) {
    return outcome;
  }
  if (outcome.operation == "update") {
    outcome.made.object =
        TRY(session.api().Update(resource, wanted.key, outcome.made.object, {}));
    return outcome;
  }
  if (outcome.operation == "recreate") {
    const Json options = {{"preconditions", {{"uid", TextAt(*present, "metadata", "uid")}}}};
    const std::string path = TRY(resource.Path(wanted.key));
    const auto gone = session.api().Write("DELETE", path, Query(), options);
    if (!gone && gone.error().reason != Reason::kNotFound) return Fail(gone.error());
  }
  outcome.made.object = TRY(CreateRbac(session, wanted));
  return outcome;
}

// What came, went or changed in between is looked at again.
Result<Outcome> Reconcile(Session& session, const ReconcileFlags& flags,
                          const ManifestObject& wanted) {
  for (int tries = 1;; ++tries) {
    auto outcome = TryOnce(session, flags, wanted);
    if (outcome || tries == kTriesMax) return outcome;
    const Reason reason = outcome.error().reason;
    const bool moved = reason == Reason::kConflict || reason == Reason::kAlreadyExists ||
                       reason == Reason::kNotFound;
    if (!moved) return outcome;
  }
}

}  // namespace

Result<> RunAuthReconcile(Command& command, const Args& args) {
  ReconcileFlags flags;
  flags.print.AddTo(command);
  flags.dry_run.AddTo(command);
  flags.files.AddTo(command);
  command.Flag("remove-extra-permissions", flags.extras.remove_permissions,
               "Remove permissions that roles have beside those of the files.");
  command.Flag("remove-extra-subjects", flags.extras.remove_subjects,
               "Remove subjects that bindings have beside those of the files.");
  TRY(command.Parse(args));
  if (flags.files.empty()) return CliError("must specify one of -f and -k");
  if (!command.words().empty()) return CliError("no arguments are allowed");
  TRY(flags.dry_run.Check());
  TRY(flags.print.Check());
  if (flags.dry_run.server()) {
    return CliError("--dry-run=server for command reconcile is not supported yet");
  }
  Session& session = *TRY(command.session());
  flags.files.own_kinds_alone = true;
  flags.files.refuses = [](const Json& object) {
    const std::string version = TextAt(object, "apiVersion");
    if (!version.starts_with(kRbac) || version == kRbacV1) return std::string();
    return fmt::format("only {} is supported: not *{}.{}", kRbacV1,
                       version.substr(version.find('/') + 1), TextAt(object, "kind"));
  };
  const auto objects = TRY(ReadManifests(command, flags.files));
  for (const ManifestObject& wanted : objects) {
    if (!wanted.kind.resource.api_version.starts_with(kRbac)) continue;
    const auto outcome = Reconcile(session, flags, wanted);
    if (!outcome) {
      command.Report(outcome.error());
      continue;
    }
    TRY(Tell(command, flags, wanted.kind.resource, *outcome));
  }
  return {};
}

}  // namespace skiff::cli
