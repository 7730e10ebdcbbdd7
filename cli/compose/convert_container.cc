// A service's container: image, command, variables, health, privileges.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/rules/core/image_reference.h"
#include "api/text/go_text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

// Else it is told of.
bool IsSoundImage(const Scope& scope, const Node& image, const std::string& key) {
  const std::string name = image.Text();
  if (IsImageName(name)) return true;
  scope.wrong.Add(Wrong(image, fmt::format("services.{}.{}: {} is no name of an image: it is "
                                           "[HOST/]NAME[:TAG], and but for HOST and TAG in lower "
                                           "case",
                                           scope.service, key, GoQuote(name))));
  return false;
}

void PutImage(const Scope& scope, Json& container) {
  const Node& image = scope.node["image"];
  const bool has_one = image.Says() && IsSoundImage(scope, image, "image");
  container["image"] =
      has_one ? image.Text() : fmt::format("{}-{}", scope.project.name, scope.service);
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
  } else {
    // What is there is not asked for, also where no tag is said; of the name that we made up a
    // registry has nobody's image, or somebody else's.
    container["imagePullPolicy"] = image.Says() ? "IfNotPresent" : "Never";
  }
}

Json Unexpanded(const std::vector<std::string>& words) {
  Json list = Json::array();
  for (const std::string& word : words) list.push_back(compose::Unexpanded(word));
  return list;
}

void PutCommand(const Scope& scope, Json& container) {
  const std::pair<const char*, const char*> kParts[] = {{"entrypoint", "command"},
                                                       {"command", "args"}};
  for (const auto& [from, to] : kParts) {
    const Node* node = scope.node.Find(from);
    if (node == nullptr || node->IsNull()) continue;
    const auto words = scope.Sound(ReadCommand(*node));
    if (!words) continue;
    if (words->empty()) {
      scope.Note(*node, from, "pods cannot do without what their image says");
      continue;
    }
    container[to] = Unexpanded(*words);
  }
}

Json VariablesOf(const Scope& scope, const Node& environment, const std::string& key) {
  Json list = Json::array();
  for (const Member& member : environment.members) {
    if (member.key.empty()) {
      scope.wrong.Add(
          Wrong(member.node, fmt::format("services.{}.{}: {} is a variable without a name",
                                         scope.service, key, GoQuote("=" + member.node.Text()))));
      continue;
    }
    list.push_back({{"name", member.key}, {"value", compose::Unexpanded(member.node.Text())}});
  }
  return list;
}

void PutVariables(const Scope& scope, Json& container) {
  Json list = VariablesOf(scope, scope.node["environment"], "environment");
  if (!list.empty()) container["env"] = std::move(list);
}

void PutSeconds(const Scope& scope, const Node& node, const char* field, Json& probe) {
  if (!node.Says()) return;
  // Zero is as by default, to Docker.
  const int64_t seconds = scope.Sound(ReadSeconds(node)).value_or(0);
  if (seconds > 0) probe[field] = seconds;
}

// As in Docker a container that is not healthy is not restarted; nobody is led to it, and those who
// wait for it wait on.
void PutHealth(const Scope& scope, Json& container) {
  const Node& health = scope.node["healthcheck"];
  const Node& test = health["test"];
  if (!health.Says() || health["disable"].IsTrue()) return;
  std::vector<std::string> words = {"CMD-SHELL", test.Text()};
  if (test.IsList()) words = test.Texts();
  if (!test.Says() || words.empty()) {
    return scope.Note(health, "healthcheck",
                      "it says no test, and that of the image is not known here");
  }
  if (words[0] == "NONE") return;
  const bool shell = words[0] == "CMD-SHELL";
  if ((!shell && words[0] != "CMD") || words.size() < 2) {
    scope.wrong.Add(
        Wrong(test, "healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\""));
  }
  words.erase(words.begin());
  if (words.empty()) words = {"true"};
  if (shell) words = {"/bin/sh", "-c", words[0]};
  Json probe = {{"exec", {{"command", Unexpanded(words)}}},
                {"periodSeconds", 30},
                {"timeoutSeconds", 30},
                {"failureThreshold", 3}};
  PutSeconds(scope, health["interval"], "periodSeconds", probe);
  PutSeconds(scope, health["timeout"], "timeoutSeconds", probe);
  // Nothing is made of it, for nobody is led to a pod before it is ready.
  if (health["start_period"].Says()) (void)scope.Sound(ReadSeconds(health["start_period"]));
  if (health["retries"].Says()) {
    const int64_t retries = scope.Sound(ReadInteger(health["retries"], 0, 1000)).value_or(0);
    if (retries > 0) probe["failureThreshold"] = retries;
  }
  container["readinessProbe"] = std::move(probe);
}

void PutHooks(const Scope& scope, Json& container) {
  const std::pair<const char*, const char*> kHooks[] = {{"post_start", "postStart"},
                                                       {"pre_stop", "preStop"}};
  for (const auto& [from, to] : kHooks) {
    const Node& hooks = scope.node[from];
    if (hooks.items.empty() || hooks.items[0]["command"].told) continue;
    const auto words = scope.Sound(ReadCommand(hooks.items[0]["command"]));
    if (!words) continue;
    if (words->empty()) {
      scope.wrong.Add(Wrong(hooks.items[0], fmt::format("{} needs a command", from)));
      continue;
    }
    container["lifecycle"][to]["exec"]["command"] = *words;
    if (hooks.items.size() > 1) {
      scope.Note(hooks.items[1], from, "a container has one such hook; the first one is taken");
    }
  }
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == text.npos;
}

void PutUser(const Scope& scope, const Node& user, const std::string& key, Json& context) {
  if (!user.Says()) return;
  const std::string text = user.Text();
  const size_t colon = text.find(':');
  // Whatever the image calls others, root is number 0, and so is its group.
  const auto number = [](const std::string& named) { return named == "root" ? "0" : named; };
  const std::string name = number(text.substr(0, colon));
  const std::string group = number(colon == text.npos ? "" : text.substr(colon + 1));
  if ((!name.empty() && !IsNumber(name)) || (!group.empty() && !IsNumber(group))) {
    scope.Note(user, key, "Kubernetes knows users and groups by their numbers alone");
  }
  if (IsNumber(name)) context["runAsUser"] = std::stoll(name);
  if (IsNumber(group)) context["runAsGroup"] = std::stoll(group);
}

void PutSecurityOption(const Scope& scope, const Node& item, Json& context) {
  std::string text = item.Text();
  std::replace(text.begin(), text.end(), '=', ':');
  if (text == "no-new-privileges" || text == "no-new-privileges:true") {
    if (context.contains("privileged")) {
      scope.Note(item, "security_opt", "a privileged container cannot be kept from privileges");
    } else {
      context["allowPrivilegeEscalation"] = false;
    }
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
  PutUser(scope, scope.node["user"], "user", context);
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

// The server tells a container's ports apart by number and protocol, so each is at one of the
// node's.
void PutPorts(const Scope& scope, Json& container) {
  Json list = Json::array();
  std::map<std::pair<int, std::string>, size_t> given;  // Where each of them stands in the list.
  for (const ServicePort& port : PortsOf(scope, /*noting=*/false)) {
    const auto [at, is_first] = given.try_emplace({port.target, port.protocol}, list.size());
    if (is_first) list.push_back({{"containerPort", port.target}, {"protocol", port.protocol}});
    if (!port.of_host || port.published == 0) continue;
    Json& entry = list[at->second];
    if (!entry.contains("hostPort")) {
      entry["hostPort"] = port.published;
    } else if (entry["hostPort"] != port.published) {
      scope.out.notes.push_back(
          {port.place, fmt::format("services.{}.ports", scope.service),
           fmt::format("{}/{} is at the node's port {} already, and at one alone: not at {}",
                       port.target, Lower(port.protocol), entry["hostPort"].get<int>(),
                       port.published)});
    }
  }
  if (!list.empty()) container["ports"] = std::move(list);
}

// Variables of one name are as `own` has them.
void PutOver(Json& variables, Json own) {
  for (Json& each : own) {
    const auto same = std::find_if(variables.begin(), variables.end(), [&](const Json& known) {
      return known["name"] == each["name"];
    });
    if (same == variables.end()) {
      variables.push_back(std::move(each));
    } else {
      *same = std::move(each);
    }
  }
}

// Another image knows its own users; what the service's container may do a step may not.
Json StepSecurity(const Scope& scope, const Node& step, const std::string& key,
                  const Json& container) {
  Json context = Json::object();
  if (step["user"].Says()) {
    PutUser(scope, step["user"], key + ".user", context);
  } else if (!step["image"].Says()) {
    for (const char* field : {"runAsUser", "runAsGroup"}) {
      const Json& id = At(container, "securityContext", field);
      if (!id.is_null()) context[field] = id;
    }
  }
  if (step["privileged"].IsTrue()) context["privileged"] = true;
  return context;
}

// Where it says nothing it is as the service's container, but for what its image would start.
Json StepOf(const Scope& scope, const Node& step, size_t number, const Json& container) {
  const std::string key = fmt::format("pre_start[{}]", number);
  Json made = {{"name", ObjectName(fmt::format("{}-pre-start-{}", scope.name, number))}};
  for (const char* same :
       {"image", "imagePullPolicy", "env", "volumeMounts", "resources", "workingDir"}) {
    if (container.contains(same)) made[same] = container[same];
  }
  const Node& image = step["image"];
  if (image.Says() && IsSoundImage(scope, image, key + ".image")) {
    made["image"] = image.Text();
    made["imagePullPolicy"] = "IfNotPresent";
  }
  if (step["command"].Says()) {
    const auto words = scope.Sound(ReadCommand(step["command"]));
    if (words && !words->empty()) made["args"] = Unexpanded(*words);
  }
  Json variables = VariablesOf(scope, step["environment"], key + ".environment");
  if (!variables.empty()) PutOver(made["env"], std::move(variables));
  if (step["working_dir"].Says()) made["workingDir"] = step["working_dir"].Text();
  Json context = StepSecurity(scope, step, key, container);
  if (!context.empty()) made["securityContext"] = std::move(context);
  return made;
}

bool RunsSeveral(const Node& service) {
  const std::string count = ReplicasNode(service).Text();
  const bool is_global = service["deploy"]["mode"].Text().starts_with("global");
  return is_global || (!count.empty() && count != "0" && count != "1");
}

}  // namespace

Json StepsOf(const Scope& scope, const Json& container) {
  Json list = Json::array();
  const std::vector<Node>& steps = scope.node["pre_start"].items;
  for (size_t i = 0; i < steps.size(); ++i) {
    list.push_back(StepOf(scope, steps[i], i, container));
    if (!RunsSeveral(scope.node) || steps[i]["per_replica"].IsTrue()) continue;
    scope.Note(steps[i], fmt::format("pre_start[{}]", i),
               "it runs in each pod before its container, not once for all of them");
  }
  return list;
}

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
  PutImage(scope, container);
  PutCommand(scope, container);
  PutVariables(scope, container);
  PutHealth(scope, container);
  PutHooks(scope, container);
  PutSecurity(scope, container);
  PutPorts(scope, container);
  Json resources = ResourcesOf(scope);
  if (!resources.empty()) container["resources"] = std::move(resources);
  const Node& directory = scope.node["working_dir"];
  if (directory.Says()) container["workingDir"] = directory.Text();
  if (scope.node["tty"].IsTrue()) container["tty"] = true;
  if (scope.node["stdin_open"].IsTrue()) container["stdin"] = true;
  return container;
}

}  // namespace skiff::cli::compose
