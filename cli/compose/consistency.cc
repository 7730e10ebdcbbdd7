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

Result<> CheckTwofold(const Service& service) {
  constexpr Twofold kValues[] = {{"cpus", "limits", "cpus", &Number},
                                 {"mem_limit", "limits", "memory", &Bytes},
                                 {"mem_reservation", "reservations", "memory", &Bytes},
                                 {"pids_limit", "limits", "pids", &Number}};
  for (const Twofold& value : kValues) {
    const Node& own = service.node[value.key];
    const Node* group = service.node["deploy"]["resources"].Find(value.group);
    if (!own.Says() || group == nullptr || group->IsNull()) continue;
    const double first = TRY(value.read(own));
    const Node& other = (*group)[value.member];
    double second = 0;
    if (other.Says()) second = TRY(value.read(other));
    if (first == 0 || first == second) continue;
    return service.Refuse(own, fmt::format("can't set distinct values on '{}' and "
                                           "'deploy.resources.{}.{}'",
                                           value.key, value.group, value.member));
  }
  return {};
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

Result<> CheckNetworks(const Service& service) {
  const Node& mode = service.node["network_mode"];
  if (mode.Says() && service.node["networks"].Says()) {
    return Wrong(mode, fmt::format("service {} declares mutually exclusive `network_mode` and "
                                   "`networks`",
                                   service.name));
  }
  for (const Node& port : service.node["ports"].items) {
    const std::string address = port["host_ip"].Text();
    if (address.empty() || ParseIp(address)) continue;
    return Wrong(port,
                 fmt::format("services.{}.ports: invalid ip address: {}", service.name, address));
  }
  return {};
}

Result<> CheckDependencies(const Service& service) {
  static const std::set<std::string> kConditions = {"service_started", "service_healthy",
                                                    "service_completed_successfully"};
  for (const Member& dependency : service.node["depends_on"].members) {
    const Node& condition = dependency.node["condition"];
    const std::string place = fmt::format("services.{}.depends_on.{}", service.name,
                                          dependency.key);
    if (!condition.Says()) return Wrong(dependency.node, place + " missing property 'condition'");
    if (kConditions.contains(condition.Text())) continue;
    return Wrong(condition, fmt::format("{}.condition value must be one of '{}'", place,
                                        fmt::join(kConditions, "', '")));
  }
  return {};
}

Result<> CheckTargets(const Service& service) {
  std::map<std::string, std::string> mounted;
  const auto add = [&](const Node& at, const char* key, size_t i,
                       const std::string& target) -> Result<> {
    const std::string place = fmt::format("services.{}.{}[{}]", service.name, key, i);
    const auto [found, is_new] = mounted.emplace(target, place);
    if (is_new) return {};
    return Wrong(at, fmt::format("{}: target {} already mounted as {}", place, target,
                                 found->second));
  };
  const Node& tmpfs = service.node["tmpfs"];
  const std::vector<std::string> texts = tmpfs.Texts();
  for (size_t i = 0; i < texts.size(); ++i) {
    const Node& at = tmpfs.IsList() ? tmpfs.items[i] : tmpfs;
    TRY(add(at, "tmpfs", i, texts[i].substr(0, texts[i].find(':'))));
  }
  // Of volumes alone the last one of a target wins.
  const auto& volumes = service.node["volumes"].items;
  for (size_t i = 0; i < volumes.size(); ++i) {
    const std::string target = volumes[i]["target"].Text();
    if (!mounted.contains(target)) continue;
    TRY(add(volumes[i], "volumes", i, target));
  }
  return {};
}

Result<> CheckDevices(const Service& service) {
  const Node& reserved = service.node["deploy"]["resources"]["reservations"]["devices"];
  for (const Node* list : {&service.node["gpus"], &reserved}) {
    for (const Node& device : list->items) {
      if (!device["count"].Says() || !device["device_ids"].Says()) continue;
      return service.Refuse(device, "\"count\" and \"device_ids\" attributes are exclusive");
    }
  }
  return {};
}

Result<> CheckBuild(const Service& service) {
  const Node& build = service.node["build"];
  if (build["dockerfile"].Says() && build["dockerfile_inline"].Says()) {
    return Wrong(build["dockerfile_inline"],
                 fmt::format("service {} declares mutually exclusive dockerfile and "
                             "dockerfile_inline",
                             GoQuote(service.name)));
  }
  for (const Member& context : build["additional_contexts"].members) {
    const auto other = SharedService(context.node);
    if (!other) continue;
    const Node* built = service.project.root["services"].Find(*other);
    if (built != nullptr && (*built)["build"].Says()) continue;
    return Wrong(context.node,
                 fmt::format("service {} declares {} service {} as additional contexts {}",
                             GoQuote(service.name), built == nullptr ? "unknown" : "non-buildable",
                             GoQuote(*other), context.key));
  }
  const std::string platform = service.node["platform"].Text();
  const std::vector<std::string> platforms = build["platforms"].Texts();
  const bool is_among = std::ranges::find(platforms, platform) != platforms.end();
  if (!platform.empty() && !platforms.empty() && !is_among) {
    return Wrong(build["platforms"], fmt::format("services.{}.build.platforms must include "
                                                 "services.{}.platform {}",
                                                 service.name, service.name, GoQuote(platform)));
  }
  for (const Node& secret : build["secrets"].items) {
    const std::string source = secret.IsMap() ? secret["source"].Text() : secret.Text();
    if (service.project.root["secrets"].Find(source) != nullptr) continue;
    return Wrong(secret, fmt::format("service {} refers to undefined build secret {}",
                                     GoQuote(service.name), source));
  }
  return {};
}

Result<> CheckWatches(const Service& service) {
  for (const Node& watch : service.node["develop"]["watch"].items) {
    const std::string action = watch["action"].Text();
    if (!watch["path"].Says()) {
      return Wrong(watch, fmt::format("services.{}.develop.watch.path: value can't be blank",
                                      service.name));
    }
    if (watch["target"].Says() || action == "rebuild" || action == "restart") continue;
    return Wrong(watch, fmt::format("services.{}.develop.watch: target is required for non-rebuild "
                                    "actions",
                                    service.name));
  }
  return {};
}

// Exactly one of `keys` gives a config or secret its contents.
Result<> CheckContents(const Node& root, const char* kind, const std::vector<std::string>& keys) {
  for (const auto& [name, object] : root[kind].members) {
    const auto count = std::ranges::count_if(keys, [&](const std::string& key) {
      const Node* said = object.Find(key);
      return said != nullptr && said->tag != kMadeTag;
    });
    const bool has_other = object.Find("driver") != nullptr || object.Find("external") != nullptr;
    if (count == 1 || (count == 0 && has_other)) continue;
    const std::string any = fmt::format("{}", fmt::join(keys, "|"));
    return Wrong(object, count > 1 ? fmt::format("{}.{}: {} attributes are mutually exclusive",
                                                 kind, name, any)
                                   : fmt::format("{}.{}: one of {} must be set", kind, name, any));
  }
  return {};
}

// A volume that is there already is not made, so nothing says how.
Result<> CheckExternal(const Node& root) {
  for (const auto& [name, volume] : root["volumes"].members) {
    if (!volume["external"].IsTrue()) continue;
    for (const Member& member : volume.members) {
      const bool is_fine =
          member.key == "external" || member.key == "name" || member.key.starts_with("x-");
      if (is_fine) continue;
      return Wrong(member.node, fmt::format("volumes.{}: conflicting parameters \"external\" and "
                                            "{} specified",
                                            name, GoQuote(member.key)));
    }
  }
  return {};
}

}  // namespace

void CheckConsistency(const Project& project, Mistakes& wrong) {
  wrong.Add(CheckContents(project.root, "configs", {"file", "environment", "content"}));
  wrong.Add(CheckContents(project.root, "secrets", {"file", "environment"}));
  wrong.Add(CheckExternal(project.root));
  for (const auto& [name, node] : project.root["services"].members) {
    const Service service{project, name, node};
    wrong.Add(CheckPattern(service, "container_name", "[a-zA-Z0-9][a-zA-Z0-9_.-]+"));
    wrong.Add(CheckPattern(service, "pull_policy",
                     "always|never|build|if_not_present|missing|refresh|daily|weekly|"
                     "every_([0-9]+[wdhms])+"));
    wrong.Add(CheckBuild(service));
    wrong.Add(CheckNetworks(service));
    wrong.Add(CheckDependencies(service));
    wrong.Add(CheckTwofold(service));
    wrong.Add(CheckScale(service));
    wrong.Add(CheckTargets(service));
    wrong.Add(CheckDevices(service));
    wrong.Add(CheckWatches(service));
  }
}

}  // namespace skiff::cli::compose
