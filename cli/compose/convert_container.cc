// A service's container: image, command, variables, health, privileges.
#include <fmt/format.h>

#include <algorithm>

#include "api/rules/core/image_reference.h"
#include "api/text/go_text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

Result<> PutImage(const Scope& scope, Json& container) {
  const Node& image = scope.node["image"];
  const std::string name = image.Text();
  if (image.Says() && !IsImageName(name)) {
    return Wrong(image, fmt::format("services.{}.image: {} is no name of an image: it is "
                                    "[HOST/]NAME[:TAG], and but for HOST and TAG in lower case",
                                    scope.service, GoQuote(name)));
  }
  container["image"] =
      image.Says() ? name : fmt::format("{}-{}", scope.project.name, scope.service);
  const Node& policy = scope.node["pull_policy"];
  const std::string word = policy.Text();
  if (word == "always") {
    container["imagePullPolicy"] = "Always";
  } else if (word == "never") {
    container["imagePullPolicy"] = "Never";
  } else if (word == "missing" || word == "if_not_present") {
    container["imagePullPolicy"] = "IfNotPresent";
  } else if (policy.Says()) {
    scope.Note(policy, "pull_policy", "Kubernetes pulls always, never or when it is missing");
  }
  // Of the name that we made up a registry has nobody's image, or somebody else's.
  if (!image.Says() && !policy.Says()) container["imagePullPolicy"] = "Never";
  return {};
}

Json Unexpanded(const std::vector<std::string>& words) {
  Json list = Json::array();
  for (const std::string& word : words) list.push_back(compose::Unexpanded(word));
  return list;
}

Result<> PutCommand(const Scope& scope, Json& container) {
  const std::pair<const char*, const char*> kParts[] = {{"entrypoint", "command"},
                                                       {"command", "args"}};
  for (const auto& [from, to] : kParts) {
    const Node* node = scope.node.Find(from);
    if (node == nullptr || node->IsNull()) continue;
    const auto words = TRY(ReadCommand(*node));
    if (words.empty()) {
      scope.Note(*node, from, "pods cannot do without what their image says");
      continue;
    }
    container[to] = Unexpanded(words);
  }
  return {};
}

void PutVariables(const Scope& scope, Json& container) {
  Json list = Json::array();
  for (const Member& member : scope.node["environment"].members) {
    if (member.key.empty()) {
      scope.wrong.Add(Result<>(Wrong(
          member.node, fmt::format("services.{}.environment: {} is a variable without a name",
                                   scope.service, GoQuote("=" + member.node.Text())))));
    }
    list.push_back({{"name", member.key}, {"value", compose::Unexpanded(member.node.Text())}});
  }
  if (!list.empty()) container["env"] = std::move(list);
}

Result<> PutSeconds(const Node& health, std::string_view key, const char* field, Json& probe) {
  const Node& node = health[key];
  if (!node.Says()) return {};
  probe[field] = std::max<int64_t>(TRY(ReadSeconds(node)), 1);
  return {};
}

// As in Docker a container that is not healthy is not restarted; nobody is led to it, and those who
// wait for it wait on.
Result<> PutHealth(const Scope& scope, Json& container) {
  const Node& health = scope.node["healthcheck"];
  const Node& test = health["test"];
  if (!health.Says() || health["disable"].IsTrue()) return {};
  std::vector<std::string> words = {"CMD-SHELL", test.Text()};
  if (test.IsList()) words = test.Texts();
  if (!test.Says() || words.empty()) {
    scope.Note(health, "healthcheck", "it says no test, and that of the image is not known here");
    return {};
  }
  if (words[0] == "NONE") return {};
  const bool shell = words[0] == "CMD-SHELL";
  if ((!shell && words[0] != "CMD") || words.size() < 2) {
    return Wrong(test, "healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\"");
  }
  words.erase(words.begin());
  if (shell) words = {"/bin/sh", "-c", words[0]};
  Json probe = {{"exec", {{"command", words}}}, {"periodSeconds", 30}, {"timeoutSeconds", 30},
                {"failureThreshold", 3}};
  TRY(PutSeconds(health, "interval", "periodSeconds", probe));
  TRY(PutSeconds(health, "timeout", "timeoutSeconds", probe));
  if (health["retries"].Says()) {
    probe["failureThreshold"] = std::max<int64_t>(TRY(ReadInteger(health["retries"], 0, 1000)), 1);
  }
  container["readinessProbe"] = std::move(probe);
  return {};
}

Result<> PutHooks(const Scope& scope, Json& container) {
  const std::pair<const char*, const char*> kHooks[] = {{"post_start", "postStart"},
                                                       {"pre_stop", "preStop"}};
  for (const auto& [from, to] : kHooks) {
    const Node& hooks = scope.node[from];
    if (hooks.items.empty()) continue;
    const auto words = TRY(ReadCommand(hooks.items[0]["command"]));
    if (words.empty()) return Wrong(hooks.items[0], fmt::format("{} needs a command", from));
    container["lifecycle"][to]["exec"]["command"] = words;
    if (hooks.items.size() > 1) {
      scope.Note(hooks.items[1], from, "a container has one such hook; the first one is taken");
    }
  }
  return {};
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == text.npos;
}

void PutUser(const Scope& scope, Json& context) {
  const Node& user = scope.node["user"];
  if (!user.Says()) return;
  const std::string text = user.Text();
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string group = colon == text.npos ? "" : text.substr(colon + 1);
  if ((!name.empty() && !IsNumber(name)) || (!group.empty() && !IsNumber(group))) {
    scope.Note(user, "user", "Kubernetes knows users and groups by their numbers alone");
  }
  if (IsNumber(name)) context["runAsUser"] = std::stoll(name);
  if (IsNumber(group)) context["runAsGroup"] = std::stoll(group);
}

void PutSecurityOption(const Scope& scope, const Node& item, Json& context) {
  std::string text = item.Text();
  std::replace(text.begin(), text.end(), '=', ':');
  if (text == "no-new-privileges" || text == "no-new-privileges:true") {
    context["allowPrivilegeEscalation"] = false;
  } else if (text == "seccomp:unconfined") {
    context["seccompProfile"]["type"] = "Unconfined";
  } else if (text == "apparmor:unconfined") {
    context["appArmorProfile"]["type"] = "Unconfined";
  } else if (text != "no-new-privileges:false") {
    scope.Note(item, "security_opt", fmt::format("{} has to be set up on the nodes", text));
  }
}

Json CapabilitiesOf(const Node& list) {
  Json names = Json::array();
  for (std::string name : list.Texts()) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (name.starts_with("CAP_")) name.erase(0, 4);
    names.push_back(name);
  }
  return names;
}

void PutSecurity(const Scope& scope, Json& container) {
  Json context = Json::object();
  PutUser(scope, context);
  const Node& node = scope.node;
  if (node["privileged"].IsTrue()) context["privileged"] = true;
  if (node["read_only"].IsTrue()) context["readOnlyRootFilesystem"] = true;
  if (!node["cap_add"].items.empty()) {
    context["capabilities"]["add"] = CapabilitiesOf(node["cap_add"]);
  }
  if (!node["cap_drop"].items.empty()) {
    context["capabilities"]["drop"] = CapabilitiesOf(node["cap_drop"]);
  }
  for (const Node& item : node["security_opt"].items) PutSecurityOption(scope, item, context);
  if (!context.empty()) container["securityContext"] = std::move(context);
}

Result<> PutPorts(const Scope& scope, Json& container) {
  Json list = Json::array();
  std::set<std::pair<int, std::string>> given;
  for (const ServicePort& port : TRY(PortsOf(scope, /*noting=*/false))) {
    if (!given.emplace(port.target, port.protocol).second) continue;
    Json entry = {{"containerPort", port.target}, {"protocol", port.protocol}};
    if (port.of_host && port.published != 0) entry["hostPort"] = port.published;
    list.push_back(std::move(entry));
  }
  if (!list.empty()) container["ports"] = std::move(list);
  return {};
}

}  // namespace

std::string Unexpanded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : 'x';
    if (text[i] == '$' && (next == '(' || next == '$')) out += '$';
  }
  return out;
}

Json ContainerOf(const Scope& scope) {
  Json container = {{"name", scope.name}};
  scope.wrong.Add(PutImage(scope, container));
  scope.wrong.Add(PutCommand(scope, container));
  PutVariables(scope, container);
  scope.wrong.Add(PutHealth(scope, container));
  scope.wrong.Add(PutHooks(scope, container));
  PutSecurity(scope, container);
  scope.wrong.Add(PutPorts(scope, container));
  auto resources = ResourcesOf(scope);
  scope.wrong.Add(resources);
  if (resources && !resources->empty()) container["resources"] = *std::move(resources);
  const Node& directory = scope.node["working_dir"];
  if (directory.Says()) container["workingDir"] = directory.Text();
  if (scope.node["tty"].IsTrue()) container["tty"] = true;
  if (scope.node["stdin_open"].IsTrue()) container["stdin"] = true;
  return container;
}

}  // namespace skiff::cli::compose
