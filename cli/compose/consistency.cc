#include "cli/compose/consistency.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "api/rules/core/ip.h"
#include "api/text/go_text.h"
#include "api/text/patterns.h"
#include "cli/compose/canonical.h"
#include "cli/compose/dependency_order.h"
#include "cli/compose/neighbours.h"
#include "cli/compose/scalars.h"

namespace skiff::cli::compose {
namespace {

struct Service {
  const Project& project;
  const std::string& name;
  const Node& node;

  tl::unexpected<Error> Refuse(const Node& at, const std::string& why) const {
    return Wrong(at, fmt::format("services.{}: {}", name, why));
  }
};

// What can be said in two places; as numbers, so that "1g" is "1024m".
struct Twofold {
  const char* key;
  const char* group;  // Of deploy.resources.
  const char* member;
  Result<double> (*read)(const Node& node);
};

Result<double> Bytes(const Node& node) {
  const auto bytes = TRY(ReadBytes(node));
  return static_cast<double>(bytes);
}

Result<double> Number(const Node& node) {
  return std::strtod(node.Text().c_str(), nullptr);
}

Result<> CheckOneTwofold(const Service& service, const Twofold& value) {
  const Node& own = service.node[value.key];
  const Node* group = service.node["deploy"]["resources"].Find(value.group);
  if (!own.Says() || group == nullptr || group->IsNull()) return {};
  const Node& other = (*group)[value.member];
  if (other.told) return {};
  const double first = TRY(value.read(own));
  double second = 0;
  if (other.Says()) second = TRY(value.read(other));
  if (first == 0 || first == second) return {};
  return service.Refuse(own, fmt::format("can't set distinct values on '{}' and "
                                         "'deploy.resources.{}.{}'",
                                         value.key, value.group, value.member));
}

void CheckTwofold(const Service& service, Mistakes& wrong) {
  constexpr Twofold kValues[] = {{"cpus", "limits", "cpus", &Number},
                                 {"mem_limit", "limits", "memory", &Bytes},
                                 {"mem_reservation", "reservations", "memory", &Bytes},
                                 {"pids_limit", "limits", "pids", &Number}};
  for (const Twofold& value : kValues) wrong.Add(CheckOneTwofold(service, value));
}

Result<> CheckScale(const Service& service) {
  const Node& scale = service.node["scale"];
  const Node& replicas = service.node["deploy"]["replicas"];
  const auto count_of = [](const Node& node) { return std::atoll(node.Text().c_str()); };
  if (scale.Says() && replicas.Says() && count_of(scale) != count_of(replicas)) {
    return service.Refuse(scale, "can't set distinct values on 'scale' and 'deploy.replicas'");
  }
  const Node& name = service.node["container_name"];
  const Node& count = scale.Says() ? scale : replicas;
  if (!name.Says() || count_of(count) < 2) return {};
  return service.Refuse(name, fmt::format("can't set container_name and {} as container name must "
                                          "be unique",
                                          scale.Says() ? "scale" : "deploy.replicas"));
}

// As JSON schemas have it: somewhere in the text.
Result<> CheckPattern(const Service& service, const char* key, const char* pattern) {
  const Node& node = service.node[key];
  if (!node.Says()) return {};
  const auto compiled = TakePattern(pattern).compiled;
  const std::string text = node.Text();
  if (RE2::PartialMatch(text, *compiled)) return {};
  return Wrong(node, fmt::format("services.{}.{} '{}' does not match pattern '{}'", service.name,
                                 key, text, pattern));
}

void CheckNetworks(const Service& service, Mistakes& wrong) {
  const Node& mode = service.node["network_mode"];
  if (mode.Says() && service.node["networks"].Says()) {
    wrong.Add(Wrong(mode, fmt::format("service {} declares mutually exclusive `network_mode` and "
                                      "`networks`",
                                      service.name)));
  }
  for (const Node& port : service.node["ports"].items) {
    const std::string address = port["host_ip"].Text();
    if (address.empty() || ParseIp(address)) continue;
    wrong.Add(Wrong(
        port, fmt::format("services.{}.ports: invalid ip address: {}", service.name, address)));
  }
}

void CheckDependencies(const Service& service, Mistakes& wrong) {
  static const std::set<std::string> kConditions = {"service_started", "service_healthy",
                                                    "service_completed_successfully"};
  for (const Member& dependency : service.node["depends_on"].members) {
    const Node& condition = dependency.node["condition"];
    const std::string place = fmt::format("services.{}.depends_on.{}", service.name,
                                          dependency.key);
    if (dependency.node.told || condition.told) continue;
    if (!condition.Says()) {
      wrong.Add(Wrong(dependency.node, place + " missing property 'condition'"));
    } else if (!kConditions.contains(condition.Text())) {
      wrong.Add(Wrong(condition, fmt::format("{}.condition value must be one of '{}'", place,
                                             fmt::join(kConditions, "', '"))));
    }
  }
}

void CheckTargets(const Service& service, Mistakes& wrong) {
  std::map<std::string, std::string> mounted;
  const auto add = [&](const Node& at, const char* key, size_t i, const std::string& target) {
    const std::string place = fmt::format("services.{}.{}[{}]", service.name, key, i);
    const auto [found, is_new] = mounted.emplace(target, place);
    if (is_new) return;
    wrong.Add(Wrong(
        at, fmt::format("{}: target {} already mounted as {}", place, target, found->second)));
  };
  const Node& tmpfs = service.node["tmpfs"];
  const std::vector<std::string> texts = tmpfs.Texts();
  for (size_t i = 0; i < texts.size(); ++i) {
    const Node& at = tmpfs.IsList() ? tmpfs.items[i] : tmpfs;
    add(at, "tmpfs", i, texts[i].substr(0, texts[i].find(':')));
  }
  // Of volumes alone the last one of a target wins.
  const auto& volumes = service.node["volumes"].items;
  for (size_t i = 0; i < volumes.size(); ++i) {
    const std::string target = volumes[i]["target"].Text();
    if (mounted.contains(target)) add(volumes[i], "volumes", i, target);
  }
}

void CheckDevices(const Service& service, Mistakes& wrong) {
  const Node& reserved = service.node["deploy"]["resources"]["reservations"]["devices"];
  for (const Node* list : {&service.node["gpus"], &reserved}) {
    for (const Node& device : list->items) {
      if (!device["count"].Says() || !device["device_ids"].Says()) continue;
      wrong.Add(service.Refuse(device, "\"count\" and \"device_ids\" attributes are exclusive"));
    }
  }
}

void CheckContexts(const Service& service, Mistakes& wrong) {
  for (const Member& context : service.node["build"]["additional_contexts"].members) {
    const auto other = SharedService(context.node);
    if (!other) continue;
    const Node* built = service.project.root["services"].Find(*other);
    if (built != nullptr && (built->told || !built->Lacks("build"))) continue;
    wrong.Add(
        Wrong(context.node,
              fmt::format("service {} declares {} service {} as additional contexts {}",
                          GoQuote(service.name), built == nullptr ? "unknown" : "non-buildable",
                          GoQuote(*other), context.key)));
  }
}

void CheckBuild(const Service& service, Mistakes& wrong) {
  const Node& build = service.node["build"];
  if (build["dockerfile"].Says() && build["dockerfile_inline"].Says()) {
    wrong.Add(Wrong(build["dockerfile_inline"],
                    fmt::format("service {} declares mutually exclusive dockerfile and "
                                "dockerfile_inline",
                                GoQuote(service.name))));
  }
  CheckContexts(service, wrong);
  const std::string platform = service.node["platform"].Text();
  const std::vector<std::string> platforms = build["platforms"].Texts();
  const bool is_among = std::ranges::find(platforms, platform) != platforms.end();
  if (!platform.empty() && !platforms.empty() && !is_among) {
    wrong.Add(
        Wrong(build["platforms"], fmt::format("services.{}.build.platforms must include "
                                              "services.{}.platform {}",
                                              service.name, service.name, GoQuote(platform))));
  }
  const Node& secrets = service.project.root["secrets"];
  for (const Node& secret : build["secrets"].items) {
    const std::string source = secret.IsMap() ? secret["source"].Text() : secret.Text();
    if (secrets.told || secrets.Find(source) != nullptr) continue;
    wrong.Add(Wrong(secret, fmt::format("service {} refers to undefined build secret {}",
                                        GoQuote(service.name), source)));
  }
}

void CheckWatches(const Service& service, Mistakes& wrong) {
  for (const Node& watch : service.node["develop"]["watch"].items) {
    const std::string action = watch["action"].Text();
    if (!watch["path"].Says()) {
      wrong.Add(Wrong(watch, fmt::format("services.{}.develop.watch.path: value can't be blank",
                                         service.name)));
    }
    if (watch["target"].Says() || action == "rebuild" || action == "restart") continue;
    wrong.Add(Wrong(watch, fmt::format("services.{}.develop.watch: target is required for "
                                       "non-rebuild actions",
                                       service.name)));
  }
}

// Exactly one of `keys` gives a config or secret its contents.
void CheckContents(const Node& root, const char* kind, const std::vector<std::string>& keys,
                   Mistakes& wrong) {
  for (const auto& [name, object] : root[kind].members) {
    const auto count = std::ranges::count_if(keys, [&](const std::string& key) {
      const Node* said = object.Find(key);
      return said != nullptr && said->mark != kMade;
    });
    const bool has_other = object.Find("driver") != nullptr || object.Find("external") != nullptr;
    if (object.told || count == 1 || (count == 0 && has_other)) continue;
    const std::string any = fmt::format("{}", fmt::join(keys, "|"));
    wrong.Add(Wrong(
        object, count > 1
                    ? fmt::format("{}.{}: {} attributes are mutually exclusive", kind, name, any)
                    : fmt::format("{}.{}: one of {} must be set", kind, name, any)));
  }
}

// A volume that is there already is not made, so nothing says how.
void CheckExternal(const Node& root, Mistakes& wrong) {
  for (const auto& [name, volume] : root["volumes"].members) {
    if (!volume["external"].IsTrue()) continue;
    for (const Member& member : volume.members) {
      const bool is_fine =
          member.key == "external" || member.key == "name" || member.key.starts_with("x-");
      if (is_fine) continue;
      wrong.Add(Wrong(member.node, fmt::format("volumes.{}: conflicting parameters \"external\" "
                                               "and {} specified",
                                               name, GoQuote(member.key))));
    }
  }
}

}  // namespace

void CheckConsistency(const Project& project, Mistakes& wrong) {
  CheckContents(project.root, "configs", {"file", "environment", "content"}, wrong);
  CheckContents(project.root, "secrets", {"file", "environment"}, wrong);
  CheckExternal(project.root, wrong);
  DependencyOrder(project.root["services"], wrong);
  for (const auto& [name, node] : project.root["services"].members) {
    const Service service{project, name, node};
    wrong.Add(CheckPattern(service, "container_name", "[a-zA-Z0-9][a-zA-Z0-9_.-]+"));
    wrong.Add(CheckPattern(service, "pull_policy",
                     "always|never|build|if_not_present|missing|refresh|daily|weekly|"
                     "every_([0-9]+[wdhms])+"));
    CheckBuild(service, wrong);
    CheckNetworks(service, wrong);
    CheckDependencies(service, wrong);
    CheckTwofold(service, wrong);
    wrong.Add(CheckScale(service));
    CheckTargets(service, wrong);
    CheckDevices(service, wrong);
    CheckWatches(service, wrong);
  }
}

}  // namespace skiff::cli::compose
