// `certificate approve|deny`: conditions on certificate signing requests.
#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

struct Verdict {
  const char* condition;
  const char* other;  // What the request must not be already.
  const char* reason;
  const char* message;
  const char* operation;
};
constexpr Verdict kApprove = {"Approved", "Denied", "KubectlApprove",
                              "This CSR was approved by kubectl certificate approve.", "approved"};
constexpr Verdict kDeny = {"Denied", "Approved", "KubectlDeny",
                           "This CSR was denied by kubectl certificate deny.", "denied"};

bool HasCondition(const Json& request, std::string_view type) {
  for (const Json& condition : At(request, "status", "conditions")) {
    if (TextAt(condition, "type") == type) return true;
  }
  return false;
}

Result<> JudgeOnce(Command& command, const Target& target, const Verdict& verdict, bool force,
                   Json request) {
  Session& session = *TRY(command.session());
  if (HasCondition(request, verdict.other)) {
    return CliError(fmt::format("certificate signing request {} is already {}",
                                GoQuote(target.key.name), verdict.other));
  }
  if (HasCondition(request, verdict.condition) && !force) return {};
  Json& conditions = request["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  Json kept = Json::array();
  for (const Json& condition : conditions) {
    if (TextAt(condition, "type") != verdict.condition) kept.push_back(condition);
  }
  const std::string now = Time(command.environment().clock.Now()).Rfc3339();
  kept.push_back({{"type", verdict.condition},
                  {"status", "True"},
                  {"reason", verdict.reason},
                  {"message", verdict.message},
                  {"lastUpdateTime", now}});
  conditions = std::move(kept);
  TRY(session.api().Update(target.resource, target.key, request, {}, "approval"));
  return {};
}

Result<> CheckIsRequest(const Resource& resource) {
  constexpr std::string_view kRequest = "CertificateSigningRequest.certificates.k8s.io";
  if (resource.namespaced) {
    return CliError("namespace may not be empty when retrieving a resource by name");
  }
  const std::string group = resource.Group();
  const std::string kind = resource.kind + (group.empty() ? "" : "." + group);
  if (kind == kRequest) return {};
  return CliError(fmt::format("can only handle {} objects, got {}", kRequest, kind));
}

// As it is when nobody else writes it meanwhile.
Result<> Judge(Command& command, const Target& target, const Verdict& verdict, bool force) {
  constexpr int kConflictsMax = 10;
  Session& session = *TRY(command.session());
  Json request = target.object;
  for (int conflicts = 0;; ++conflicts) {
    const auto judged = JudgeOnce(command, target, verdict, force, std::move(request));
    if (judged || judged.error().reason != Reason::kConflict || conflicts == kConflictsMax) {
      return judged;
    }
    request = TRY(session.api().Get(target.resource, target.key));
  }
}

Result<> RunVerdict(Command& command, const Args& args, const Verdict& verdict) {
  PrintFlags print;
  FileFlags files;
  bool force = false;
  print.AddTo(command);
  files.AddTo(command);
  command.Flag("force", force, "Update the request even if it is judged already.");
  TRY(command.Parse(args));
  TRY(print.Check());
  if (command.words().empty() && files.empty()) {
    return CliError("one or more CSRs must be specified as <name> or -f <filename>");
  }
  Args words = OfKind("certificatesigningrequests.certificates.k8s.io", command.words());
  if (command.words().empty()) words.clear();
  const auto targets = TRY(FindTargets(command, words, {.files = &files}));
  for (const Target& target : targets) {
    TRY(CheckIsRequest(target.resource));
    const auto judged = Judge(command, target, verdict, force);
    if (!judged) {
      command.Report(judged.error());
      continue;
    }
    TRY(PrintOutcome(command, print, target.object, target.resource, verdict.operation));
  }
  return {};
}

Result<> RunApprove(Command& command, const Args& args) {
  return RunVerdict(command, args, kApprove);
}
Result<> RunDeny(Command& command, const Args& args) {
  return RunVerdict(command, args, kDeny);
}

constexpr Verb kCertificateVerbs[] = {{"approve", &RunApprove}, {"deny", &RunDeny}};

}  // namespace

int CertificateMain(Environment& environment, const Args& args) {
  return RunTellingFamily(environment, "certificate", kCertificateVerbs,
                          std::size(kCertificateVerbs), args);
}

}  // namespace skiff::cli
