// create quota|poddisruptionbudget|priorityclass|cronjob|ingress.
#include <charconv>

#include "api/rules/names.h"
#include "api/values.h"
#include "cli/create.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

Json NumberOrText(const std::string& text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc() && end == text.data() + text.size() && !text.empty()) return value;
  return text;
}

// "svc:80", "svc:http"
Result<Json> BackendOf(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos || text.find(':', colon + 1) != std::string::npos) {
    return CliError("default-backend should be in format servicename:serviceport");
  }
  const Json port = NumberOrText(text.substr(colon + 1));
  return Json{{"service",
               {{"name", text.substr(0, colon)},
                {"port", {{port.is_number() ? "number" : "name", port}}}}}};
}

// Of letters, digits and `others` alone.
bool IsMadeOf(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsLetter(c) || IsDigit(c) || others.find(c) != std::string_view::npos;
  });
}

// "host/path*=svc:port,tls=secret"
struct IngressRule {
  std::string host;
  Json path;
  bool tls = false;
  std::string secret;
};

Result<IngressRule> ParseRule(const std::string& text) {
  const auto wrong = [&] {
    return CliError(fmt::format(
        "rule {} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]",
        text));
  };
  const auto parts = Split(text, ',');
  const size_t equals = parts[0].find('=');
  const size_t slash = parts[0].find('/');
  if (equals == std::string::npos || slash == std::string::npos || slash > equals) return wrong();
  IngressRule rule;
  rule.host = parts[0].substr(0, slash);
  if (!IsMadeOf(rule.host, "_-*.")) return wrong();
  std::string path = parts[0].substr(slash, equals - slash);
  const bool prefix = path.ends_with('*');
  if (prefix) path.pop_back();
  // What follows service and port is not looked at.
  const auto service = Split(parts[0].substr(equals + 1), ':');
  if (service.size() < 2 || service[0].empty() || !IsMadeOf(service[0], "_-") ||
      service[1].empty() || !IsMadeOf(service[1].substr(0, 1), "_-")) {
    return wrong();
  }
  Json backend = TRY(BackendOf(service[0] + ":" + service[1]));
  rule.path = {
      {"backend", std::move(backend)}, {"path", path}, {"pathType", prefix ? "Prefix" : "Exact"}};
  // Whatever word stands there is taken for "tls".
  if (parts.size() == 2) {
    const auto words = Split(parts[1], '=');
    rule.tls = true;
    if (words.size() > 1) rule.secret = words[1];
  }
  return rule;
}

void AddRule(const IngressRule& rule, Json& rules, Json& tls) {
  Json* host = nullptr;
  for (Json& each : rules) {
    if (TextAt(each, "host") == rule.host) host = &each;
  }
  if (!host) {
    Json fresh = {{"http", {{"paths", Json::array()}}}};
    if (!rule.host.empty()) fresh["host"] = rule.host;
    rules.push_back(std::move(fresh));
    host = &rules.back();
  }
  (*host)["http"]["paths"].push_back(rule.path);
  if (!rule.tls) return;
  for (Json& each : tls) {
    if (TextAt(each, "secretName") != rule.secret) continue;
    if (!rule.host.empty()) each["hosts"].push_back(rule.host);
    return;
  }
  Json entry = Json::object();
  if (!rule.host.empty()) entry["hosts"] = Json::array({rule.host});
  if (!rule.secret.empty()) entry["secretName"] = rule.secret;
  tls.push_back(std::move(entry));
}

}  // namespace

Result<> RunCreateQuota(Command& command, const Args& args) {
  WriteFlags flags;
  std::string hard;
  std::string scopes;
  flags.AddTo(command, "kubectl-create");
  command.Flag("hard", hard, "Limits: resource=quantity pairs.");
  command.Flag("scopes", scopes, "Scopes that each object must match.");
  const std::string name = TRY(ParseSaidName(command, flags, args));
  Json spec = Json::object();
  for (const std::string& pair : Split(hard, ',')) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CliError(fmt::format("Invalid argument syntax {}, expected <resource>=<value>", pair));
    }
    const std::string amount = pair.substr(equals + 1);
    const auto parsed = Quantity::Parse(amount);
    if (!parsed) return CliError(parsed.error().message);
    spec["hard"][pair.substr(0, equals)] = amount;
  }
  if (!scopes.empty()) spec["scopes"] = Split(scopes, ',');
  return CreateBuiltIn(
      command, flags, "resourcequota",
      {{"metadata", {{"name", name}}}, {"spec", std::move(spec)}, {"status", Json::object()}});
}

Result<> RunCreateBudget(Command& command, const Args& args) {
  WriteFlags flags;
  std::string selector;
  std::string min_available;
  std::string max_unavailable;
  flags.AddTo(command, "kubectl-create");
  command.Flag("selector", selector, "The pods that the budget is of.");
  command.Flag("min-available", min_available, "Pods that must stay, as number or percentage.");
  command.Flag("max-unavailable", max_unavailable, "Pods that may be away.");
  const std::string name = TRY(ParseSaidName(command, flags, args));
  if (selector.empty()) return CliError("a selector must be specified");
  if (min_available.empty() && max_unavailable.empty()) {
    return CliError("one of min-available or max-unavailable must be specified");
  }
  if (!min_available.empty() && !max_unavailable.empty()) {
    return CliError("min-available and max-unavailable cannot be both specified");
  }
  Json spec = {{"selector", TRY(ParseObjectSelector(selector))}};
  for (const auto& [flag, field, text] :
       {std::tuple("min-available", "minAvailable", std::string_view(min_available)),
        std::tuple("max-unavailable", "maxUnavailable", std::string_view(max_unavailable))}) {
    if (text.empty()) continue;
    const Json value = NumberOrText(std::string(text));
    if (value.is_string() ? !PercentErrors(text).empty() : value < 0) {
      return CliError(fmt::format("invalid format specified for {}", flag));
    }
    spec[field] = value;
  }
  return CreateBuiltIn(command, flags, "poddisruptionbudget",
                       {{"metadata", {{"name", name}}},
                        {"spec", std::move(spec)},
                        {"status",
                         {{"currentHealthy", 0},
                          {"desiredHealthy", 0},
                          {"disruptionsAllowed", 0},
                          {"expectedPods", 0}}}});
}

Result<> RunCreatePriorityClass(Command& command, const Args& args) {
  WriteFlags flags;
  int value = 0;
  bool global_default = false;
  std::string description;
  std::string policy = "PreemptLowerPriority";
  flags.AddTo(command, "kubectl-create");
  command.Flag("value", value, "The value of this priority class.");
  command.Flag("global-default", global_default, "Of pods that name no class.");
  command.Flag("description", description, "When to use this class.");
  command.Flag("preemption-policy", policy, "PreemptLowerPriority or Never.");
  const std::string name = TRY(ParseOneName(command, flags, args));
  Json object = {{"metadata", {{"name", name}}}, {"preemptionPolicy", policy}, {"value", value}};
  if (!description.empty()) object["description"] = description;
  if (global_default) object["globalDefault"] = true;
  return CreateBuiltIn(command, flags, "priorityclass", std::move(object));
}

Result<> RunCreateCronJob(Command& command, const Args& args) {
  WriteFlags flags;
  std::string image;
  std::string schedule;
  std::string restart;
  flags.AddTo(command, "kubectl-create");
  command.Flag("image", image, "Image name to run.");
  command.Flag("schedule", schedule, "When to run, in the form of cron.");
  command.Flag("restart", restart, "OnFailure, which is meant where it is empty, or Never.");
  command.Require("image");
  command.Require("schedule");
  command.KeepRest();
  const std::string name = TRY(ParseOneName(command, flags, args));
  Json container = {{"image", image}, {"name", name}, {"resources", Json::object()}};
  if (command.rest()) container["command"] = *command.rest();
  const Json pod = {{"containers", Json::array({std::move(container)})},
                    {"restartPolicy", restart.empty() ? "OnFailure" : restart}};
  return CreateBuiltIn(
      command, flags, "cronjob",
      {{"metadata", {{"name", name}}},
       {"spec",
        {{"jobTemplate",
          {{"metadata", {{"name", name}}},
           {"spec", {{"template", {{"metadata", Json::object()}, {"spec", pod}}}}}}},
         {"schedule", schedule}}},
       {"status", Json::object()}});
}

Result<> RunCreateIngress(Command& command, const Args& args) {
  WriteFlags flags;
  std::vector<std::string> rule_texts;
  std::vector<std::string> annotations;
  std::string class_name;
  std::string default_backend;
  flags.AddTo(command, "kubectl-create");
  command.FlagEach("rule", rule_texts, "host/path=service:port[,tls[=secret]]");
  command.FlagEach("annotation", annotations, "key=value");
  command.Flag("class", class_name, "The IngressClass to be used.");
  command.Flag("default-backend", default_backend, "service:port for what no rule matches.");
  const std::string name = TRY(ParseOneName(command, flags, args));
  if (rule_texts.empty() && default_backend.empty()) {
    return CliError(
        "not enough information provided: every ingress has to either specify a "
        "default-backend (which catches all traffic) or a list of rules (which catch "
        "specific paths)");
  }
  Json spec = Json::object();
  Json rules = Json::array();
  Json tls = Json::array();
  for (const std::string& text : rule_texts) {
    const IngressRule rule = TRY(ParseRule(text));
    AddRule(rule, rules, tls);
  }
  if (!default_backend.empty()) {
    spec["defaultBackend"] = TRY(BackendOf(default_backend));
  }
  if (!class_name.empty()) spec["ingressClassName"] = class_name;
  if (!rules.empty()) spec["rules"] = std::move(rules);
  if (!tls.empty()) spec["tls"] = std::move(tls);
  Json metadata = {{"name", name}};
  for (const std::string& pair : annotations) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return CliError(
          fmt::format("annotation {} is invalid and should be in format key=[value]", pair));
    }
    metadata["annotations"][pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return CreateBuiltIn(command, flags, "ingress",
                       {{"metadata", std::move(metadata)},
                        {"spec", std::move(spec)},
                        {"status", {{"loadBalancer", Json::object()}}}});
}

}  // namespace skiff::cli
