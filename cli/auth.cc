// `auth can-i` and `auth whoami`: what the server makes of the caller.
#include <algorithm>
#include <span>

#include "api/text/group_version.h"
#include "cli/auth_reconcile.h"
#include "api/text/go_value.h"
#include "cli/json_text.h"
#include "cli/policy_rules.h"
#include "cli/printers.h"
#include "cli/session.h"
#include "cli/tab_writer.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr char kReviews[] = "/apis/authorization.k8s.io/v1/";

struct CanIFlags {
  std::string subresource;
  bool all_namespaces = false;
  bool list = false;
  bool no_headers = false;
  bool quiet = false;
};

std::string Bracketed(const std::vector<std::string>& texts) {
  return "[" + Join(texts, " ") + "]";
}

Result<> ListRules(Command& command, const CanIFlags& flags) {
  if (flags.quiet || flags.all_namespaces || !flags.subresource.empty()) {
    return CliError(
        "list option can't be specified with neither quiet, all-namespaces nor subresource options");
  }
  if (!command.words().empty()) {
    return CliError("list option must be specified with no arguments");
  }
  Session& session = *TRY(command.session());
  const Json review = {{"apiVersion", "authorization.k8s.io/v1"},
                       {"kind", "SelfSubjectRulesReview"},
                       {"spec", {{"namespace", session.namespace_()}}}};
  const Json answer = TRY(session.api().Write(
      "POST", std::string(kReviews) + "selfsubjectrulesreviews", Query(), review));
  if (IsTrue(At(answer, "status", "incomplete"))) {
    command.Warn("Warning: the list may be incomplete: {}\n",
                 TextAt(answer, "status", "evaluationError"));
  }
  TabWriter table = MakeTableWriter();
  if (!flags.no_headers) {
    table.Write("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
  }
  Json rules = At(answer, "status", "resourceRules");
  if (!rules.is_array()) rules = Json::array();
  for (const Json& rule : At(answer, "status", "nonResourceRules")) rules.push_back(rule);
  for (const std::string& row : PolicyRuleRows(rules)) table.Write(row + "\n");
  command.environment().out(table.Flush());
  return {};
}

void WarnOfVerb(Command& command, const std::string& verb,
                std::span<const std::string_view> known) {
  if (std::find(known.begin(), known.end(), verb) != known.end()) return;
  command.Warn("Warning: verb '{}' is not a known verb\n\n", verb);
}

void WarnOfVerb(Command& command, const std::string& verb) {
  static constexpr std::string_view kKnown[] = {
      "get", "list", "watch",       "create", "update",  "patch", "delete",   "deletecollection",
      "use", "bind", "impersonate", "*",      "approve", "sign",  "escalate", "attest"};
  WarnOfVerb(command, verb, kKnown);
}

// What is asked about: the attributes of the review.
Result<Json> AttributesOf(Command& command, const CanIFlags& flags) {
  Session& session = *TRY(command.session());
  const std::string& verb = command.words()[0];
  const std::string& what = command.words()[1];
  if (what.starts_with('/')) {
    if (!flags.subresource.empty()) {
      return CliError("--subresource can not be used with NonResourceURL");
    }
    constexpr std::string_view kOfUrls[] = {"get",    "put",     "post",  "head", "options",
                                            "delete", "patch", "*"};
    WarnOfVerb(command, verb, kOfUrls);
    return Json{{"nonResourceAttributes", {{"path", what}, {"verb", verb}}}};
  }
  const size_t slash = what.find('/');
  const std::string type = what.substr(0, slash);
  Json attributes = {{"verb", verb}};
  if (slash != std::string::npos) attributes["name"] = what.substr(slash + 1);
  if (!flags.subresource.empty()) attributes["subresource"] = flags.subresource;
  bool namespaced = true;
  if (type == "*") {
    attributes["resource"] = "*";
  } else if (const auto kind = session.kinds().Find(type)) {
    attributes["resource"] = kind->resource.name;
    const std::string group = kind->resource.Group();
    if (!group.empty()) attributes["group"] = group;
    attributes["version"] =
        VersionPart(kind->resource.api_version);
    namespaced = kind->resource.namespaced;
    if (!namespaced && !flags.all_namespaces) {
      command.Warn("Warning: resource '{}' is not namespace scoped{}\n\n", kind->resource.name,
                   group.empty() ? "" : fmt::format(" in group '{}'", group));
    }
  } else {
    if (kind.error().http_code != 0) return Fail(kind.error());
    const size_t dot = type.find('.');
    // Whom one acts as is no resource that is served.
    const bool is_virtual = Lower(type) == "users" || Lower(type) == "groups";
    if (is_virtual) {
    } else if (dot == std::string::npos) {
      command.Warn("Warning: the server doesn't have a resource type '{}'{}\n\n", type,
                   session.kinds().MeantBy(type));
    } else {
      attributes["group"] = type.substr(dot + 1);
      command.Warn("Warning: the server doesn't have a resource type '{}' in group '{}'\n\n",
                   type.substr(0, dot), type.substr(dot + 1));
    }
    attributes["resource"] = type.substr(0, dot);
  }
  // In all namespaces neither the verb nor the kind is looked at, as in kubectl.
  if (!flags.all_namespaces) {
    WarnOfVerb(command, verb);
    attributes["namespace"] = session.namespace_();
  }
  return Json{{"resourceAttributes", std::move(attributes)}};
}

Result<> RunCanI(Command& command, const Args& args) {
  CanIFlags flags;
  command.Flag("subresource", flags.subresource, "SubResource such as pod/log.");
  command.Flag("all-namespaces,A", flags.all_namespaces, "In all namespaces.");
  command.Flag("list", flags.list, "Print all allowed actions.");
  command.Flag("no-headers", flags.no_headers, "Print allowed actions without headers.");
  command.Flag("quiet,q", flags.quiet, "Print nothing; just return the exit code.");
  TRY(command.Parse(args));
  if (flags.list) return ListRules(command, flags);
  if (command.words().size() != 2) {
    return CliError(
        fmt::format("you must specify two arguments: verb resource or verb "
                    "resource/resourceName.\nSee '{} auth "
                    "can-i -h' for help and examples.",
                    command.environment().program));
  }
  Json attributes = TRY(AttributesOf(command, flags));
  if (flags.no_headers) return CliError("--no-headers cannot be set without --list specified");
  Session& session = *TRY(command.session());
  const Json review = {{"apiVersion", "authorization.k8s.io/v1"},
                       {"kind", "SelfSubjectAccessReview"},
                       {"spec", std::move(attributes)}};
  const Json answer = TRY(session.api().Write(
      "POST", std::string(kReviews) + "selfsubjectaccessreviews", Query(), review));
  const Json& status = At(answer, "status");
  const bool allowed = IsTrue(At(status, "allowed"));
  if (!allowed) command.set_exit_code(1);
  if (flags.quiet) return {};
  std::string text = allowed ? "yes" : "no";
  if (!allowed) {
    if (const std::string reason = TextAt(status, "reason"); !reason.empty()) {
      text += " - " + reason;
    }
    if (const std::string error = TextAt(status, "evaluationError"); !error.empty()) {
      text += " - " + error;
    }
  }
  command.Print("{}\n", text);
  return {};
}

Result<> RunWhoAmI(Command& command, const Args& args) {
  PrintFlags print;
  print.AddTo(command);
  TRY(command.Parse(args));
  Session& session = *TRY(command.session());
  const Json review = {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
  const Json answer = TRY(session.api().Write(
      "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", Query(), review));
  if (!print.output.empty()) {
    print.json_order = {.first = {"kind", "apiVersion", "metadata", "username", "uid", "groups"},
                        .levels = 3};
    const auto printer = TRY(MakeObjectPrinter(print));
    const std::string text = TRY(printer->Print(answer));
    command.environment().out(text);
    return {};
  }
  const Json& user = At(answer, "status", "userInfo");
  TabWriter table = MakeTableWriter();
  table.Write("ATTRIBUTE\tVALUE\n");
  const auto row = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) table.Write(name + "\t" + value + "\n");
  };
  row("Username", TextAt(user, "username"));
  row("UID", TextAt(user, "uid"));
  if (const auto groups = TextsAt(user, "groups"); !groups.empty()) {
    row("Groups", Bracketed(groups));
  }
  if (const Json& extra = At(user, "extra"); extra.is_object()) {
    for (const auto& [key, value] : extra.items()) {
      row("Extra: " + key, GoPlain(value));
    }
  }
  command.environment().out(table.Flush());
  return {};
}

constexpr Verb kAuthVerbs[] = {
    {"can-i", &RunCanI}, {"reconcile", &RunAuthReconcile}, {"whoami", &RunWhoAmI}};

}  // namespace

int AuthMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "auth", kAuthVerbs, std::size(kAuthVerbs), args);
}

}  // namespace skiff::cli
