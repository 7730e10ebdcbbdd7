// What the webhooks of a configuration do to those who write: they refuse all that they cannot be
// asked about, unless their failurePolicy lets it pass.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// "CREATE and UPDATE of pods, deployments.apps"
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
  return Some(texts);
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
  const bool has_port = std::any_of(ports.begin(), ports.end(),
                                    [&](const Json& each) { return IntAt(each, "port") == port; });
  if (!has_port) return fmt::format("service/{} has no port {}", name, port);
  return ServiceTrouble(facts, *found);
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

std::string NamespaceOfWebhooks(const Json& configuration) {
  std::string found;
  for (const Json& webhook : At(configuration, "webhooks")) {
    const std::string name = TextAt(At(webhook, "clientConfig", "service"), "namespace");
    if (!name.empty() && !found.empty() && name != found) return "";
    if (!name.empty()) found = name;
  }
  return found;
}

void ExplainWebhooks(const Facts& facts, const Json& configuration, Findings& out) {
  const size_t before = out.size();
  for (const Json& webhook : At(configuration, "webhooks")) {
    ExplainWebhook(facts, configuration, webhook, out);
  }
  if (AnyTrouble({out.begin() + static_cast<long>(before), out.end()})) return;
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence = fmt::format("{} has {}; nothing is wrong", Named(configuration),
                                 Count(At(configuration, "webhooks").size(), "webhook"));
  for (const Json& webhook : At(configuration, "webhooks")) {
    finding.Saw(fmt::format("{} is asked of {}", TextAt(webhook, "name"), RulesText(webhook)),
                "webhooks");
  }
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
