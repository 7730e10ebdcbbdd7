// What the webhooks of a configuration do to those who write: they refuse all that they cannot be
// asked about, unless their failurePolicy lets it pass.
#include <fmt/format.h>

#include <algorithm>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

bool IsSelective(const Json& webhook) {
  const Json* all[] = {&At(webhook, "namespaceSelector"), &At(webhook, "objectSelector"),
                       &At(webhook, "matchConditions")};
  return std::any_of(std::begin(all), std::end(all),
                     [](const Json* each) { return !each->empty(); });
}

// Of what nobody has looked at, nothing can be said: programs elsewhere, and what may not be seen.
bool WasLookedAt(const Facts& facts, const Json& webhook) {
  if (!At(webhook, "clientConfig", "service").is_object()) return false;
  return !facts.unread.contains("services") && !facts.unread.contains("pods") &&
         !facts.unread.contains("endpointslices");
}

// "CREATE and UPDATE of pods, deployments.apps that it selects"
std::string RulesText(const Json& webhook) {
  std::vector<std::string> texts;
  for (const Json& rule : At(webhook, "rules")) {
    std::vector<std::string> resources;
    for (const std::string& group : TextsAt(rule, "apiGroups")) {
      for (const std::string& resource : TextsAt(rule, "resources")) {
        resources.push_back(group.empty() || group == "*" ? resource : resource + "." + group);
      }
    }
    const auto operations = TextsAt(rule, "operations");
    const bool all = std::find(operations.begin(), operations.end(), "*") != operations.end();
    texts.push_back(
        fmt::format("{} of {}", all ? "any write" : Join(operations, " and "), Some(resources)));
  }
  return Some(texts) + (IsSelective(webhook) ? " that it selects" : "");
}

// Why its service cannot be asked; "" when it can, or it has none.
std::string TroubleOf(const Facts& facts, const Json& service) {
  if (!service.is_object() || facts.unread.contains("services")) return "";
  const std::string namespace_ = TextAt(service, "namespace");
  const std::string name = TextAt(service, "name");
  const Json* found = facts.Find("services", namespace_, name);
  if (!found) return fmt::format("service/{} in namespace {} does not exist", name, namespace_);
  const int64_t port = At(service, "port").is_null() ? 443 : IntAt(service, "port");
  const Json& ports = At(*found, "spec", "ports");
  const auto asked = std::find_if(ports.begin(), ports.end(),
                                  [&](const Json& each) { return IntAt(each, "port") == port; });
  if (asked == ports.end()) return fmt::format("service/{} has no port {}", name, port);
  return TroubleAtPort(facts, *found, *asked);
}

void ExplainWebhook(const Facts& facts, const Json& configuration, const Json& webhook,
                    Findings& out) {
  const Json& service = At(webhook, "clientConfig", "service");
  const std::string trouble = TroubleOf(facts, service);
  if (trouble.empty()) return;
  const std::string policy = TextAt(webhook, "failurePolicy");
  const bool refuses = policy != "Ignore";
  Finding finding;
  finding.weight = refuses ? Weight::kWrong : Weight::kNote;
  finding.cause = "WebhookUnreachable";
  finding.sentence = refuses ? fmt::format("{} has every {} refused, as {} cannot be asked: {}",
                                           Named(configuration), RulesText(webhook),
                                           TextAt(webhook, "name"), trouble)
                             : fmt::format("{}: {} cannot be asked, and is passed over: {}",
                                           Named(configuration), TextAt(webhook, "name"), trouble);
  finding.Saw(policy, fmt::format("failurePolicy of {}", TextAt(webhook, "name")));
  const std::string namespace_ = ShellWord(TextAt(service, "namespace"));
  if (facts.Find("services", TextAt(service, "namespace"), TextAt(service, "name"))) {
    finding.Try(
        fmt::format("skiff why service/{} -n {}", ShellWord(TextAt(service, "name")), namespace_));
  } else {
    finding.Try(fmt::format("skiff get services -n {}", namespace_));
  }
  finding.Try(fmt::format("skiff delete {}", ShellWord(Named(configuration))));
  out.push_back(std::move(finding));
}

}  // namespace

std::set<std::string> NamespacesOfWebhooks(const Json& configuration) {
  std::set<std::string> found;
  for (const Json& webhook : At(configuration, "webhooks")) {
    found.insert(TextAt(At(webhook, "clientConfig", "service"), "namespace"));
  }
  found.erase("");
  return found;
}

void ExplainWebhooks(const Facts& facts, const Json& configuration, Findings& out) {
  const size_t before = out.size();
  for (const Json& webhook : At(configuration, "webhooks")) {
    ExplainWebhook(facts, configuration, webhook, out);
  }
  if (AnyTrouble({out.begin() + static_cast<long>(before), out.end()})) return;
  std::vector<std::string> unknown;
  for (const Json& webhook : At(configuration, "webhooks")) {
    if (!WasLookedAt(facts, webhook)) unknown.push_back(TextAt(webhook, "name"));
  }
  Finding finding;
  finding.weight = unknown.empty() ? Weight::kFine : Weight::kNote;
  finding.cause = unknown.empty() ? "Fine" : "NotLookedAt";
  finding.sentence = fmt::format(
      "{} has {}; {}", Named(configuration), Count(At(configuration, "webhooks").size(), "webhook"),
      unknown.empty()
          ? "nothing is wrong"
          : fmt::format("whether {} can be asked is not seen from here", Some(unknown)));
  for (const Json& webhook : At(configuration, "webhooks")) {
    finding.Saw(fmt::format("{} is asked of {}", TextAt(webhook, "name"), RulesText(webhook)),
                "webhooks");
  }
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
