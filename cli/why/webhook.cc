// What the webhooks of a configuration do to those who write: they refuse all that they cannot be
// asked about, unless their failurePolicy lets it pass.
#include <fmt/format.h>

#include <algorithm>

#include "cli/events.h"
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

// "every " goes before it.
std::string EachOf(const std::string& rules) {
  return rules.starts_with("any ") ? rules.substr(4) : rules;
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

// The newest event of a write that the webhook was asked about in vain; nullptr: none tells.
const Json* AskedInVain(const Facts& facts, const std::string& webhook) {
  const std::string words = "failed calling webhook \"" + webhook + "\"";
  const Json* newest = nullptr;
  for (const Json& event : facts.Of("events")) {
    if (TextAt(event, "message").find(words) == std::string::npos) continue;
    if (!newest || EventLastSeen(event) > EventLastSeen(*newest)) newest = &event;
  }
  return newest;
}

// Of one that can be reached, as far as can be seen, and hangs or fails nevertheless.
void ExplainFailing(const Facts& facts, const Json& configuration, const Json& webhook,
                    Findings& out) {
  constexpr Duration kMayLast = 10min;
  const std::string name = TextAt(webhook, "name");
  const Json* event = AskedInVain(facts, name);
  if (!event) return;
  const auto seen = Time::Parse(EventLastSeen(*event));
  const std::string message = OneLine(TextAt(*event, "message"));
  const bool hangs = message.find("deadline exceeded") != message.npos ||
                     message.find("imeout exceeded") != message.npos;
  Finding finding;
  finding.weight = seen && facts.now - seen->point() < kMayLast ? Weight::kWrong : Weight::kNote;
  finding.cause = hangs ? "WebhookHangs" : "WebhookFails";
  finding.sentence =
      fmt::format("{}: {} {}, and {} is refused", Named(configuration), name,
                  hangs ? "does not answer in time" : "fails when it is asked", RulesText(webhook));
  finding.Saw(message, EventSource(facts, *event));
  if (const int64_t limit = IntAt(webhook, "timeoutSeconds"); hangs && limit > 0) {
    finding.Saw(fmt::format("{}s", limit), fmt::format("timeoutSeconds of {}", name));
  }
  if (const Json& service = At(webhook, "clientConfig", "service"); service.is_object()) {
    finding.Try(fmt::format("skiff logs service/{} -n {} --tail=20",
                            ShellWord(TextAt(service, "name")),
                            ShellWord(TextAt(service, "namespace"))));
  }
  finding.Try(fmt::format("skiff delete {}", ShellWord(Named(configuration))));
  out.push_back(std::move(finding));
}

void ExplainWebhook(const Facts& facts, const Json& configuration, const Json& webhook,
                    Findings& out) {
  const Json& service = At(webhook, "clientConfig", "service");
  const std::string trouble = TroubleOf(facts, service);
  if (trouble.empty()) return ExplainFailing(facts, configuration, webhook, out);
  const std::string policy = TextAt(webhook, "failurePolicy");
  const bool refuses = policy != "Ignore";
  Finding finding;
  finding.weight = refuses ? Weight::kWrong : Weight::kNote;
  finding.cause = "WebhookUnreachable";
  finding.sentence = refuses ? fmt::format("{} has every {} refused, as {} cannot be asked: {}",
                                           Named(configuration), EachOf(RulesText(webhook)),
                                           TextAt(webhook, "name"), trouble)
                             : fmt::format("{}: {} cannot be asked, and is passed over: {}",
                                           Named(configuration), TextAt(webhook, "name"), trouble);
  finding.Saw(policy, fmt::format("failurePolicy of {}", TextAt(webhook, "name")));
  if (const int64_t limit = IntAt(webhook, "timeoutSeconds"); limit > 0) {
    finding.Saw(fmt::format("each of these writes may wait {}s for it first", limit),
                fmt::format("timeoutSeconds of {}", TextAt(webhook, "name")));
  }
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
    const int64_t limit = IntAt(webhook, "timeoutSeconds");
    const std::string waits =
        limit == 0
            ? ""
            : fmt::format(": {} what it has not answered after {}s",
                          TextAt(webhook, "failurePolicy") == "Ignore" ? "passes over" : "refuses",
                          limit);
    finding.Saw(
        fmt::format("{} is asked of {}{}", TextAt(webhook, "name"), RulesText(webhook), waits),
        "webhooks");
  }
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
