#include "cli/delete.h"

#include "cli/json_text.h"
#include "cli/raw.h"
#include "cli/verbs.h"

namespace skiff::cli {

void DeleteFlags::AddTo(Command& command) {
  command.Flag("cascade", cascade, "background, foreground or orphan.");
  command.Bare("cascade", "background");
  command.Flag("grace-period", grace_period, "Seconds given to the object to end well.");
  command.Flag("force", force, "Immediately remove objects from the API.");
  command.Flag("timeout", timeout, "How long to wait before giving up; 0 waits for ever.");
}

Result<> DeleteFlags::Check(bool now) {
  if (now && grace_period >= 0) {
    return CliError("--now and --grace-period cannot be specified together");
  }
  if (force && (now || grace_period > 0)) {
    return CliError("--force and --grace-period greater than 0 cannot be specified together");
  }
  if (cascade == "true") cascade = "background";
  if (cascade == "false") cascade = "orphan";
  if (cascade != "background" && cascade != "foreground" && cascade != "orphan") {
    return CliError(
        fmt::format("invalid cascade value ({}). Must be \"background\", "
                    "\"foreground\", or \"orphan\"",
                    cascade));
  }
  if (now) grace_period = 1;
  // Without --force an object is waited for, so it gets the chance to go.
  if (grace_period == 0 && !force) grace_period = 1;
  if (force && grace_period < 0) grace_period = 0;
  return {};
}

Json DeleteFlags::Body(const std::string& dry_run) const {
  const char* policy = cascade == "foreground" ? "Foreground"
                       : cascade == "orphan"   ? "Orphan"
                                               : "Background";
  Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", policy}};
  if (grace_period >= 0) body["gracePeriodSeconds"] = grace_period;
  if (!dry_run.empty()) body["dryRun"] = Json::array({dry_run});
  return body;
}

Result<Json> DeleteObject(Session& session, const Target& target, const DeleteFlags& flags,
                          const std::string& dry_run) {
  Query query;
  if (!dry_run.empty()) query.emplace_back("dryRun", dry_run);
  return session.api().Write("DELETE", TRY(target.resource.Path(target.key)), std::move(query),
                             flags.Body(dry_run));
}

void PrintDeleted(Command& command, const Target& target, const DeleteFlags& flags,
                  const std::string& suffix) {
  const char* operation = flags.force && flags.grace_period == 0 ? "force deleted" : "deleted";
  const std::string kind = KindName(target.resource);
  if (target.resource.namespaced) {
    command.Print("{} \"{}\" {} from {} namespace{}\n", kind, target.key.name, operation,
                  target.key.namespace_, suffix);
  } else {
    command.Print("{} \"{}\" {}{}\n", kind, target.key.name, operation, suffix);
  }
}

Result<> WaitUntilGone(Session& session, const Target& target, const std::string& uid,
                       Duration timeout) {
  const auto gone = [&](const Json* object) -> Result<bool> {
    return !object || (!uid.empty() && TextAt(*object, "metadata", "uid") != uid);
  };
  const auto waited = WaitUntil(session, target.resource, target.key,
                                timeout > Duration(0) ? timeout : kNever, gone);
  if (waited || waited.error().reason != Reason::kTimeout) return waited;
  return CliError("timed out waiting for the condition on " + target.PathName());
}

namespace {

// The uid of what is being deleted, of an answer that is the object or a Status about it.
std::string UidOf(const Json& answer) {
  const std::string uid = TextAt(answer, "metadata", "uid");
  return uid.empty() ? TextAt(answer, "details", "uid") : uid;
}

struct Deleted {
  const Target* target;
  std::string uid;
};

Result<> DeleteRaw(Command& command, const std::string& uri, const FileFlags& files) {
  if (!command.words().empty()) {
    return CliError("arguments may not be passed when --raw is specified");
  }
  TRY(CheckRaw(command, uri, files, /*needs_file=*/false));
  return SendRaw(command, "DELETE", uri, files);
}

}  // namespace

Result<> RunDelete(Command& command, const Args& args) {
  DeleteFlags flags;
  FileFlags files;
  SelectorFlags selectors;
  DryRun dry_run;
  bool ignore_not_found = false;
  bool now = false;
  bool wait = true;
  std::string output;
  flags.AddTo(command);
  files.AddTo(command);
  dry_run.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("field-selector", selectors.fields, "Selector (field query) to filter on.");
  command.Flag("all", selectors.all, "Delete all objects of the named kinds.");
  command.Flag("all-namespaces,A", selectors.all_namespaces, "In all namespaces.");
  command.Flag("ignore-not-found", ignore_not_found, "A missing object is no error.");
  command.Flag("now", now, "As --grace-period=1.");
  command.Flag("wait", wait, "Wait until the objects are gone.");
  command.Flag("output,o", output, "Output mode: name.");
  std::string raw;
  command.Flag("raw", raw, "Raw URI to DELETE at the server.");
  TRY(command.Parse(args));
  if (!raw.empty()) return DeleteRaw(command, raw, files);
  TRY(dry_run.Check());
  TRY(flags.Check(now));
  if (!output.empty() && output != "name") {
    return CliError(
        fmt::format("unexpected -o output mode: {}. We only support '-o name'", output));
  }
  if (flags.force && flags.grace_period == 0) {
    command.Warn(
        "Warning: Immediate deletion does not wait for confirmation that the running "
        "resource has been terminated. The resource may continue to run on the cluster "
        "indefinitely.\n");
  }
  ignore_not_found |= selectors.all || !selectors.labels.empty();
  const auto targets = TRY(FindTargets(command, command.words(),
                                       {.files = &files, .selectors = selectors, .fetch = false}));
  if (targets.empty() && command.exit_code() == 0) command.Print("No resources found\n");
  Session& session = *TRY(command.session());
  std::vector<Deleted> deleted;
  for (const Target& target : targets) {
    std::string uid;
    if (!dry_run.client()) {
      const auto answer = DeleteObject(session, target, flags, dry_run.Parameter());
      if (!answer) {
        const bool missing = answer.error().reason == Reason::kNotFound;
        if (!missing || !ignore_not_found) {
          command.Report(WithSource(answer.error(), "deleting", target.source));
        }
        continue;
      }
      uid = UidOf(*answer);
    }
    if (output == "name") {
      command.Print("{}/{}\n", KindName(target.resource), target.key.name);
    } else {
      PrintDeleted(command, target, flags, dry_run.Suffix());
    }
    deleted.push_back({&target, uid});
  }
  if (!wait || dry_run.client() || dry_run.server()) return {};
  for (const Deleted& each : deleted) {
    const auto gone = WaitUntilGone(session, *each.target, each.uid, flags.timeout);
    if (!gone) command.Report(gone.error());
  }
  return {};
}

}  // namespace skiff::cli
