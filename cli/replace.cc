#include "api/text/go_text.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/raw.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

Result<> ReplaceByForce(Command& command, const WriteFlags& flags, DeleteFlags deletion,
                        const ManifestObject& object) {
  Session& session = *TRY(command.session());
  const Target target{object.kind.resource, object.key, object.source, nullptr};
  deletion.force = false;
  const auto deleted = DeleteObject(session, target, deletion, "");
  if (deleted) {
    PrintDeleted(command, target, deletion, "");
    TRY(WaitUntilGone(session, target, TextAt(*deleted, "metadata", "uid"), deletion.timeout));
  } else if (deleted.error().reason != Reason::kNotFound) {
    return Fail(deleted.error());
  }
  Json fresh = object.object;
  for (const char* field : {"resourceVersion", "uid", "creationTimestamp"}) {
    fresh["metadata"].erase(field);
  }
  fresh = flags.record.In(std::move(fresh));
  const WriteOptions options = TRY(flags.Options());
  const Json created =
      TRY(session.api().Create(object.kind.resource, object.key.namespace_, fresh, options));
  return PrintWritten(command, flags, created, object.kind.resource, "replaced");
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
  sent = flags.record.In(std::move(sent));
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
  if (objects.empty() && command.exit_code() == 0) {
    return CliError("no objects passed to replace");
  }
  for (const ManifestObject& object : objects) {
    if (object.key.name.empty()) {
      command.Report(CliError(fmt::format("error when replacing {}: resource name may not be empty",
                                          GoQuote(object.source)))
                         .value());
      continue;
    }
    const auto done = force ? ReplaceByForce(command, flags, deletion, object)
                            : ReplaceInPlace(command, flags, subresource, object);
    if (!done) command.Report(flags.Failure(done.error(), "replacing", object.source));
  }
  return {};
}

}  // namespace skiff::cli
