#include "apiserver/server/audit_flags.h"

#include <fmt/format.h>

#include <utility>

#include "apiserver/audit/audit_policy.h"
#include "apiserver/auth/pki.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr bool kIsSwitch = true;
constexpr bool kIsRefused = true;

// Lines go to a file; whoever wants them elsewhere follows it.
void AddUnusedAuditFlags(Flags& flags) {
  flags.AddUnused({"audit-log-compress", "older files stay as they are", {"false"}, kIsSwitch,
                   kIsRefused});
  flags.AddUnused({.name = "audit-log-version",
                   .why = "lines are of audit.k8s.io/v1",
                   .same = {"audit.k8s.io/v1"}});
  flags.AddUnused({"audit-log-truncate-enabled",
                   "objects beyond 4 MiB are always left out, and no others",
                   {"false"},
                   kIsSwitch,
                   kIsRefused});
  for (const char* name :
       {"audit-log-truncate-max-batch-size", "audit-log-truncate-max-event-size",
        "audit-log-batch-buffer-size", "audit-log-batch-max-size", "audit-log-batch-max-wait",
        "audit-log-batch-throttle-burst", "audit-log-batch-throttle-enable",
        "audit-log-batch-throttle-qps"}) {
    flags.AddUnused({name, "lines wait in 16 MiB until they are written"});
  }
  flags.AddUnused({"audit-webhook-config-file",
                   "events are written to a file alone (--audit-log-path)",
                   {},
                   !kIsSwitch,
                   kIsRefused});
  for (const char* name :
       {"batch-buffer-size", "batch-max-size", "batch-max-wait", "batch-throttle-burst",
        "batch-throttle-enable", "batch-throttle-qps", "initial-backoff", "mode",
        "truncate-enabled", "truncate-max-batch-size", "truncate-max-event-size", "version"}) {
    flags.AddUnused({std::string("audit-webhook-") + name, "events are sent to no webhook"});
  }
}

tl::unexpected<Error> Wrong(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

}  // namespace

void AddAuditFlags(Flags& flags, AuditFlags& to) {
  flags.Add("audit-policy-file", to.policy_file,
            "File with the Policy of audit.k8s.io/v1 that says of which requests the audit log "
            "tells, and how much.");
  flags.Add("audit-log-path", to.log.path,
            "File that the audit log is written to; -: standard output.");
  flags.Add("audit-log-maxage", to.log.days_max,
            "For how many days older files of the audit log are kept; 0: for ever.");
  flags.Add("audit-log-maxbackup", to.log.backups_max,
            "How many older files of the audit log are kept; 0: all.");
  flags.Add("audit-log-maxsize", to.log.megabytes_max,
            "Megabytes after which a new file of the audit log is begun; 0: 100.");
  flags.Add("audit-log-format", to.format, "How the audit log tells: json or legacy.");
  flags.Add("audit-log-mode", to.mode,
            "What becomes of requests when the disk is slower than they are: they wait (blocking), "
            "or are not told of (batch).");
  AddUnusedAuditFlags(flags);
}

Result<> CheckAuditFlags(const AuditFlags& flags, std::vector<std::string>& notes) {
  if (flags.log.path.empty()) {
    if (!flags.policy_file.empty()) {
      notes.push_back("--audit-policy-file has no effect: there is no --audit-log-path");
    }
    return {};
  }
  if (flags.policy_file.empty()) {
    notes.push_back("No audit policy file provided, no events will be recorded for log backend");
  }
  if (flags.mode == "blocking-strict") {
    return Wrong("invalid argument \"blocking-strict\" for \"--audit-log-mode\" flag: it cannot be "
                 "had here: no request waits until it has been written of");
  }
  if (flags.mode != "blocking" && flags.mode != "batch") {
    return Wrong(fmt::format(
        "invalid audit log mode {}, allowed modes are \"batch,blocking,blocking-strict\"",
        flags.mode));
  }
  if (flags.format != "json" && flags.format != "legacy") {
    return Wrong(fmt::format("invalid audit log format {}, allowed formats are \"legacy,json\"",
                             flags.format));
  }
  for (const auto& [name, value] :
       {std::pair("maxage", flags.log.days_max), std::pair("maxbackup", flags.log.backups_max),
        std::pair("maxsize", flags.log.megabytes_max)}) {
    if (value < 0) {
      return Wrong(fmt::format("--audit-log-{} {} can't be a negative number", name, value));
    }
  }
  return {};
}

Result<std::optional<AuditOptions>> AuditOptionsOf(const AuditFlags& flags,
                                                   std::vector<std::string>& notes) {
  if (flags.policy_file.empty()) return std::nullopt;
  auto text = ReadWholeFile(flags.policy_file);
  if (!text) {
    return Wrong(fmt::format("loading audit policy file: failed to read file path {}: {}",
                             Quoted(flags.policy_file), text.error().message));
  }
  if (flags.log.path.empty()) {
    TRY(AuditPolicy::Load(*text, flags.policy_file, notes));
    return std::nullopt;
  }
  AuditOptions options{.policy_text = *std::move(text),
                       .policy_file = flags.policy_file,
                       .log = flags.log,
                       .is_legacy = flags.format == "legacy"};
  options.log.drops_lines = flags.mode == "batch";
  return options;
}

}  // namespace skiff
