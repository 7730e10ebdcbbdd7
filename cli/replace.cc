#include "api/text/go_text.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/raw.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

Result<> CreateAnew(Command& command, const WriteFlags& flags, const ManifestObject& object) {
  Session& session = *TRY(command.session());
  Json fresh = object.object;
  for (const char* field : {"resourceVersion", "uid", "creationTimestamp"}) {
    fresh["metadata"].erase(field);
  }
  const WriteOptions options = TRY(flags.Options());
  const Json created =
      TRY(session.api().Create(object.kind.resource, object.key.namespace_, fresh, options));
  return PrintWritten(command, flags, created, object.kind.resource, "replaced");
}

// One that is to be deleted, and then made again.
struct Going {
  const ManifestObject* object;
  Target target;
  std::string uid = {};
  bool is_gone = false;
};

// All are deleted before the first of them is waited for: a claim goes when its pods have gone. And
// all are gone before the first is made again, which a namespace that goes would take along. What
// could not be deleted is told, and not made again.
Result<> ReplaceByForce(Command& command, const WriteFlags& flags, DeleteFlags deletion,
                        const std::vector<ManifestObject>& objects) {
  constexpr Duration kGoneWithin = 5min;
  Session& session = *TRY(command.session());
  deletion.force = false;
  const Duration timeout = deletion.timeout > Duration(0) ? deletion.timeout : kGoneWithin;
  const auto failed = [&](const Error& error, const ManifestObject& object) {
    command.Report(flags.Failure(error, "replacing", object.source));
  };
  std::vector<Going> all;
  for (const ManifestObject& object : objects) {
    if (object.key.name.empty()) continue;  // As has been said.
    Going going{&object, {object.kind.resource, object.key, object.source, nullptr}};
    const auto deleted = DeleteObject(session, going.target, deletion, "");
    going.is_gone = !deleted && deleted.error().reason == Reason::kNotFound;
    if (!deleted && !going.is_gone) {
      failed(deleted.error(), object);
      continue;
    }
    if (deleted) PrintDeleted(command, going.target, deletion, "");
    if (deleted) going.uid = UidOfDeleted(*deleted);
    all.push_back(std::move(going));
  }
  for (Going& going : all) {
    if (going.is_gone) continue;
    const auto waited = AwaitGone(session, going.target, going.uid, timeout);
    going.is_gone = waited.has_value();
    if (!waited) failed(waited.error(), *going.object);
  }
  for (const Going& going : all) {
    if (!going.is_gone) continue;
    const auto made = CreateAnew(command, flags, *going.object);
    if (!made) failed(made.error(), *going.object);
  }
  return {};
}

// What names no version replaces whatever is there; most kinds refuse it without one.
void TakeVersion(Session& session, const ManifestObject& object, const std::string& subresource,
                 Json& sent) {
  if (!TextAt(sent, "metadata", "resourceVersion").empty()) return;
  const auto live = session.api().Get(object.kind.resource, object.key, subresource);
  if (!live) return;  // The server says what is wrong.
  sent["metadata"]["resourceVersion"] = TextAt(*live, "metadata", "resourceVersion");
}

Result<> ReplaceInPlace(Command& command, const WriteFlags& flags, const std::string& subresource,
                        const ManifestObject& object) {
  Session& session = *TRY(command.session());
  Json sent =
      flags.save_config || At(object.object, "metadata", "annotations", kLastApplied).is_string()
          ? WithLastApplied(object.object)
          : object.object;
  if (!flags.dry_run.client()) {
    const WriteOptions options = TRY(flags.Options());
    TakeVersion(session, object, subresource, sent);
    sent = TRY(session.api().Update(object.kind.resource, object.key, sent, options, subresource));
  }
  return PrintWritten(command, flags, sent, object.kind.resource, "replaced");
}

}  // namespace

Result<> RunReplace(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  DeleteFlags deletion;
  std::string subresource;
  bool wait = false;
  flags.AddTo(command, "kubectl-replace");
  files.AddTo(command);
  deletion.AddTo(command);
  command.Flag("subresource", subresource, "Replace this subresource of the objects.");
  command.Flag("wait", wait, "Wait for deleted objects to be gone.");
  std::string raw;
  command.Flag("raw", raw, "Raw URI to PUT to the server.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (!raw.empty()) {
    TRY(CheckRaw(command, raw, files, /*needs_file=*/true));
    return SendRaw(command, "PUT", raw, files);
  }
  TRY(deletion.CheckCascade());
  if (files.empty()) return CliError("must specify one of -f and -k");
  if (deletion.grace_period >= 0 && !deletion.force) {
    return CliError("--grace-period must have --force specified");
  }
  if (deletion.timeout != Duration(0) && !deletion.force) {
    return CliError("--timeout must have --force specified");
  }
  // What would be deleted and made again cannot be tried.
  if (deletion.force && !flags.dry_run.Suffix().empty()) {
    return CliError("--dry-run can not be used when --force is set");
  }
  const bool force = deletion.force;
  if (deletion.grace_period == 0) deletion.grace_period = 1;
  files.validates = flags.Validates();
  const auto objects = TRY(ReadManifests(command, files));
  for (const ManifestObject& object : objects) {
    if (object.key.name.empty()) {
      command.Report(CliError(fmt::format("error when replacing {}: resource name may not be empty",
                                          GoQuote(object.source)))
                         .value());
      continue;
    }
    if (force) continue;
    const auto done = ReplaceInPlace(command, flags, subresource, object);
    if (!done) command.Report(flags.Failure(done.error(), "replacing", object.source));
  }
  return force ? ReplaceByForce(command, flags, deletion, objects) : Result<>();
}

}  // namespace skiff::cli
