#include "cli/delete.h"

#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/raw.h"
#include "cli/verbs.h"

namespace skiff::cli {

void DeleteFlags::AddTo(Command& command) {
  warn = command.environment().err;
  command.Flag("cascade", cascade, "background, foreground or orphan.");
  command.Bare("cascade", "background");
  command.Flag("grace-period", grace_period, "Seconds given to the object to end well.");
  command.Flag("force", force, "Immediately remove objects from the API.");
  command.Flag("timeout", timeout, "How long to wait before giving up; 0 waits for ever.");
}

Result<> DeleteFlags::CheckCascade() {
  // As it was once written.
  if (const std::optional<bool> was = GoBool(cascade)) {
    const char* now = *was ? "background" : "orphan";
    if (warn) {
      warn(fmt::format("warning: --cascade={} is deprecated (boolean value) and can be replaced "
                       "with --cascade={}.\n",
                       cascade, now));
    }
    cascade = now;
  }
  if (cascade == "background" || cascade == "foreground" || cascade == "orphan") return {};
  return CliError(
      fmt::format("invalid cascade value ({}). Must be \"background\", \"foreground\", or "
                  "\"orphan\"",
                  cascade));
}

Result<> DeleteFlags::Check(bool now) {
  TRY(CheckCascade());
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

namespace {

std::function<Result<bool>(const Json*)> IsGone(const std::string& uid) {
  return [uid](const Json* object) -> Result<bool> {
    return !object || (!uid.empty() && TextAt(*object, "metadata", "uid") != uid);
  };
}

Result<> SayingOfWhat(const Target& target, Result<> waited) {
  if (waited || waited.error().reason != Reason::kTimeout) return waited;
  return CliError("timed out waiting for the condition on " + target.PathName());
}

}  // namespace

Result<> WaitUntilGone(Session& session, const Target& target, const std::string& uid,
                       Duration timeout) {
  return SayingOfWhat(target, WaitUntil(session, target.resource, target.key,
                                        timeout > Duration(0) ? timeout : kNever, IsGone(uid)));
}

Result<> AwaitGone(Session& session, const Target& target, const std::string& uid,
                   Duration timeout) {
  return SayingOfWhat(target,
                      WaitOrAskUntil(session, target.resource, target.key,
                                     timeout > Duration(0) ? timeout : kNever, IsGone(uid)));
}

std::string UidOfDeleted(const Json& answer) {
  const std::string uid = TextAt(answer, "metadata", "uid");
  return uid.empty() ? TextAt(answer, "details", "uid") : uid;
}

namespace {

struct Deleted {
  const Target* target;
  std::string uid;
};

// The first word of the next line of standard input, as Go's Fscanln has it: with more than one
// there is none.
std::string OneWordFrom(const std::string& input) {
  const std::string line = input.substr(0, input.find('\n'));
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  const size_t end = line.find_first_of(" \t\r", begin);
  const bool more = end != std::string::npos && line.find_first_not_of(" \t\r", end) != line.npos;
  return more ? "" : line.substr(begin, end - begin);
}

bool Confirmed(Command& command, const std::vector<Target>& targets) {
  command.Print("You are about to delete the following {} resource(s):\n", targets.size());
  for (const Target& target : targets) {
    command.Print("{}/{}\n", KindName(target.resource), target.key.name);
  }
  command.Print("Do you want to continue? (y/N): ");
  return Lower(OneWordFrom(command.environment().read_line())) == "y";
}

Result<> DeleteRaw(Command& command, const std::string& uri, const FileFlags& files) {
  if (command.Given("interactive")) return CliError("--interactive can not be used with --raw");
  if (!command.words().empty()) {
    return CliError("arguments may not be passed when --raw is specified");
  }
  TRY(CheckRaw(command, uri, files, /*needs_file=*/false));
  return SendRaw(command, "DELETE", uri, files);
}

struct DeleteVerbFlags {
  DeleteFlags deletion;
  FileFlags files;
  SelectorFlags selectors;
  DryRun dry_run;
  std::string output;
  std::string raw;
  bool ignore_not_found = false;
  bool interactive = false;
  bool now = false;
  bool wait = true;

  void AddTo(Command& command);
  Result<> Check(Command& command);
};

void DeleteVerbFlags::AddTo(Command& command) {
  deletion.AddTo(command);
  files.AddTo(command);
  dry_run.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("field-selector", selectors.fields, "Selector (field query) to filter on.");
  command.Flag("all", selectors.all, "Delete all objects of the named kinds.");
  command.Flag("all-namespaces,A", selectors.all_namespaces, "In all namespaces.");
  command.Flag("ignore-not-found", ignore_not_found, "A missing object is no error.");
  command.Flag("interactive,i", interactive, "Delete only once that is confirmed.");
  command.Flag("now", now, "As --grace-period=1.");
  command.Flag("wait", wait, "Wait until the objects are gone.");
  command.Flag("output,o", output, "Output mode: name.");
  command.Flag("raw", raw, "Raw URI to DELETE at the server.");
}

Result<> DeleteVerbFlags::Check(Command& command) {
  TRY(dry_run.Check());
  if (now && deletion.grace_period >= 0) {
    return CliError("--now and --grace-period cannot be specified together");
  }
  if (deletion.force && (now || deletion.grace_period > 0)) {
    return CliError("--force and --grace-period greater than 0 cannot be specified together");
  }
  TRY(deletion.Check(now));
  if (!output.empty() && output != "name") {
    return CliError(
        fmt::format("unexpected -o output mode: {}. We only support '-o name'", output));
  }
  if (deletion.force && deletion.grace_period == 0) {
    command.Warn(
        "Warning: Immediate deletion does not wait for confirmation that the running "
        "resource has been terminated. The resource may continue to run on the cluster "
        "indefinitely.\n");
  }
  const bool selects = selectors.all || !selectors.labels.empty() || !selectors.fields.empty();
  if (selects && !command.Given("ignore-not-found")) ignore_not_found = true;
  return {};
}

Result<> DeleteTargets(Command& command, const DeleteVerbFlags& flags,
                       const std::vector<Target>& targets) {
  Session& session = *TRY(command.session());
  const DryRun& dry_run = flags.dry_run;
  std::vector<Deleted> deleted;
  bool warns = session.namespace_given() && !flags.selectors.all_namespaces;
  for (const Target& target : targets) {
    if (warns && !target.resource.namespaced) {
      command.Warn(
          "Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n");
      warns = false;
    }
    std::string uid;
    if (!dry_run.client()) {
      const auto answer = DeleteObject(session, target, flags.deletion, dry_run.Parameter());
      if (!answer) {
        const bool missing = answer.error().reason == Reason::kNotFound;
        if (!missing || !flags.ignore_not_found) {
          command.Report(WithSource(answer.error(), "deleting", target.source));
        }
        continue;
      }
      uid = UidOfDeleted(*answer);
    }
    if (flags.output == "name") {
      command.Print("{}/{}\n", KindName(target.resource), target.key.name);
    } else {
      PrintDeleted(command, target, flags.deletion, dry_run.Suffix());
    }
    deleted.push_back({&target, uid});
  }
  // As kubectl: who has to hear of an error hears of it at once.
  const bool waits = flags.wait && !dry_run.client() && !dry_run.server();
  if (!waits || command.exit_code() != 0) return {};
  for (const Deleted& each : deleted) {
    const auto gone = WaitUntilGone(session, *each.target, each.uid, flags.deletion.timeout);
    // Who may delete it, but not look whether it is gone, has done what could be done.
    const bool is_blind = !gone && (gone.error().reason == Reason::kForbidden ||
                                    gone.error().reason == Reason::kMethodNotAllowed);
    if (!gone && !is_blind) command.Report(gone.error());
  }
  return {};
}

}  // namespace

Result<> RunDelete(Command& command, const Args& args) {
  DeleteVerbFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  if (!flags.raw.empty()) return DeleteRaw(command, flags.raw, flags.files);
  TRY(flags.Check(command));
  const auto targets =
      TRY(FindTargets(command, command.words(),
                      {.files = &flags.files, .selectors = flags.selectors, .fetch = false}));
  if (targets.empty() && command.exit_code() == 0) command.Print("No resources found\n");
  if (flags.interactive && command.exit_code() != 0) return {};
  if (flags.interactive && !targets.empty() && !Confirmed(command, targets)) {
    command.Print("deletion is cancelled\n");
    return {};
  }
  return DeleteTargets(command, flags, targets);
}

}  // namespace skiff::cli
