#include "skiff/scheduler_profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "skiff/config_fields.h"

namespace skiff {
namespace {

using scheduler::Profile;

// Where plugins are asked. In the order in which kube-scheduler goes through them.
enum Point : uint32_t {
  kPreFilter,
  kFilter,
  kPostFilter,
  kReserve,
  kPreScore,
  kScore,
  kPreBind,
  kBind,
  kPostBind,
  kPermit,
  kPreEnqueue,
  kQueueSort,
  kPoints,
};
struct PointNames {
  const char* field;
  const char* type;  // As errors of kube-scheduler call it.
};
constexpr PointNames kPointNames[kPoints] = {
    {"preFilter", "PreFilterPlugin"},   {"filter", "FilterPlugin"},
    {"postFilter", "PostFilterPlugin"}, {"reserve", "ReservePlugin"},
    {"preScore", "PreScorePlugin"},     {"score", "ScorePlugin"},
    {"preBind", "PreBindPlugin"},       {"bind", "BindPlugin"},
    {"postBind", "PostBindPlugin"},     {"permit", "PermitPlugin"},
    {"preEnqueue", "PreEnqueuePlugin"}, {"queueSort", "QueueSortPlugin"},
};

constexpr uint32_t At(std::initializer_list<Point> points) {
  uint32_t mask = 0;
  for (const Point point : points) mask |= uint32_t{1} << point;
  return mask;
}

struct Plugin {
  std::string_view name;
  uint32_t points;
};
// kube-scheduler's own, in its order.
constexpr Plugin kPlugins[] = {
    {"SchedulingGates", At({kPreEnqueue})},
    {"PrioritySort", At({kQueueSort})},
    {"NodeUnschedulable", At({kFilter})},
    {"NodeName", At({kFilter})},
    {"TaintToleration", At({kFilter, kPreScore, kScore})},
    {"NodeAffinity", At({kPreFilter, kFilter, kPreScore, kScore})},
    {"NodePorts", At({kPreFilter, kFilter})},
    {"NodeResourcesFit", At({kPreFilter, kFilter, kPreScore, kScore})},
    {"VolumeRestrictions", At({kPreFilter, kFilter})},
    {"NodeVolumeLimits", At({kPreFilter, kFilter})},
    {"VolumeBinding", At({kPreFilter, kFilter, kReserve, kPreScore, kScore, kPreBind})},
    {"VolumeZone", At({kPreFilter, kFilter})},
    {"PodTopologySpread", At({kPreFilter, kFilter, kPreScore, kScore})},
    {"InterPodAffinity", At({kPreFilter, kFilter, kPreScore, kScore})},
    {"DynamicResources",
     At({kPreEnqueue, kPreFilter, kFilter, kPostFilter, kScore, kReserve, kPreBind})},
    {"DefaultPreemption", At({kPreEnqueue, kPostFilter})},
    {"NodeResourcesBalancedAllocation", At({kPreScore, kScore})},
    {"ImageLocality", At({kScore})},
    {"DefaultBinder", At({kBind})},
};

// Which there were before this version of the file; the volumes that they counted are
// NodeVolumeLimits'.
constexpr std::string_view kRemovedPlugins[] = {"AzureDiskLimits", "CinderLimits", "EBSLimits",
                                                "GCEPDLimits"};

const Plugin* FindPlugin(std::string_view name) {
  const auto found = std::ranges::find(kPlugins, name, &Plugin::name);
  return found == std::end(kPlugins) ? nullptr : found;
}

bool Extends(const Plugin& plugin, Point point) {
  return (plugin.points >> point & 1) != 0;
}

struct Enabled {
  std::string name;
  int64_t weight = 0;  // 0: it is not said.
  bool operator==(const Enabled&) const = default;
};
struct PluginSet {
  std::vector<Enabled> enabled, disabled;
  bool Disables(std::string_view plugin) const {
    return std::ranges::find(disabled, plugin, &Enabled::name) != disabled.end();
  }
  bool operator==(const PluginSet&) const = default;
};

Result<PluginSet> ReadSet(const Json& plugins, const char* field, const std::string& path) {
  PluginSet set;
  const auto found = plugins.find(field);
  if (found == plugins.end() || found->is_null()) return set;
  const std::string at = path + "." + field;
  if (!found->is_object()) return Fail(Reason::kInvalid, at + ": must be an object");
  for (const auto& [which, list] : found->items()) {
    if (which != "enabled" && which != "disabled") {
      return Fail(Reason::kInvalid,
                  fmt::format("strict decoding error: unknown field \"{}.{}\"", at, which));
    }
    if (list.is_null()) continue;
    if (!list.is_array()) return Fail(Reason::kInvalid, at + "." + which + ": must be a list");
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string item = fmt::format("{}.{}[{}]", at, which, i);
      if (!list[i].is_object()) return Fail(Reason::kInvalid, item + ": must be an object");
      Enabled plugin;
      int weight = 0;
      ConfigFields fields(list[i], item);
      fields.Read("name", plugin.name);
      fields.Read("weight", weight);
      TRY(fields.Strict());
      plugin.weight = weight;
      (which == "enabled" ? set.enabled : set.disabled).push_back(std::move(plugin));
    }
  }
  return set;
}

// What was enabled for all points, after the file has had its say: in place of kube-scheduler's own
// of the same name, or behind them.
std::vector<Enabled> ForAllPoints(const PluginSet& said) {
  std::vector<Enabled> enabled;
  std::set<const Enabled*> replaced;
  for (const Plugin& plugin : kPlugins) {
    const std::string name(plugin.name);
    if (said.Disables("*") || said.Disables(name)) continue;
    // Of several the last one; the others are found to be too many later on.
    const auto own = std::find_if(said.enabled.rbegin(), said.enabled.rend(),
                                  [&](const Enabled& each) { return each.name == name; });
    const auto score =
        std::ranges::find(scheduler::DefaultScores(), plugin.name, &scheduler::ScoreRule::name);
    if (own != said.enabled.rend()) {
      replaced.insert(&*own);
      enabled.push_back(*own);
    } else if (score != scheduler::DefaultScores().end()) {
      enabled.push_back({name, score->weight});
    } else {
      enabled.push_back({name});
    }
  }
  for (const Enabled& each : said.enabled) {
    if (!replaced.contains(&each)) enabled.push_back(each);
  }
  return enabled;
}

Result<> CheckSet(const PluginSet& said, Point point) {
  std::set<std::string> seen;
  const char* const type = kPointNames[point].type;
  for (const Enabled& each : said.enabled) {
    const Plugin* const plugin = FindPlugin(each.name);
    if (plugin == nullptr) {
      return Fail(Reason::kInvalid, fmt::format("{} \"{}\" does not exist", type, each.name));
    }
    if (!Extends(*plugin, point)) {
      return Fail(Reason::kInvalid,
                  fmt::format("plugin \"{}\" does not extend {} plugin", each.name, type));
    }
    if (!seen.insert(each.name).second) {
      return Fail(Reason::kInvalid,
                  fmt::format("plugin \"{}\" already registered as \"{}\"", each.name, type));
    }
  }
  return {};
}

// Who is asked at that point, in order: those of both, as the point has them; those for all points;
// those of the point alone.
Result<std::vector<Enabled>> AskedAt(Point point, const PluginSet& said,
                                     const std::vector<Enabled>& everywhere) {
  if (said.Disables("*")) return said.enabled;
  const char* const type = kPointNames[point].type;
  std::vector<Enabled> general;
  std::set<std::string> overridden;
  for (const Enabled& each : everywhere) {
    const Plugin* const plugin = FindPlugin(each.name);
    if (plugin == nullptr) {
      return Fail(Reason::kInvalid, fmt::format("{} \"{}\" does not exist", type, each.name));
    }
    if (!Extends(*plugin, point) || said.Disables(each.name)) continue;
    if (std::ranges::find(said.enabled, each.name, &Enabled::name) != said.enabled.end()) {
      overridden.insert(each.name);
      continue;
    }
    if (std::ranges::find(general, each.name, &Enabled::name) != general.end()) {
      return Fail(Reason::kInvalid,
                  fmt::format("plugin \"{}\" already registered as \"{}\"", each.name, type));
    }
    general.push_back(each);
  }
  std::vector<Enabled> asked;
  for (const Enabled& each : said.enabled) {
    if (overridden.contains(each.name)) asked.push_back(each);
  }
  asked.insert(asked.end(), general.begin(), general.end());
  for (const Enabled& each : said.enabled) {
    if (!overridden.contains(each.name)) asked.push_back(each);
  }
  return asked;
}

using AskedEverywhere = std::array<std::vector<Enabled>, kPoints>;

bool Asks(const AskedEverywhere& asked, Point point, std::string_view name) {
  return std::ranges::find(asked[point], name, &Enabled::name) != asked[point].end();
}

// What kube-scheduler asks in two steps is one rule here.
Result<> CheckWhole(const AskedEverywhere& asked, const std::string& path) {
  constexpr std::pair<Point, Point> kSteps[] = {
      {kPreFilter, kFilter}, {kPreScore, kScore}, {kReserve, kPreBind}, {kFilter, kReserve}};
  for (const Plugin& plugin : kPlugins) {
    for (const auto& [one, other] : kSteps) {
      if (!Extends(plugin, one) || !Extends(plugin, other)) continue;
      if (Asks(asked, one, plugin.name) == Asks(asked, other, plugin.name)) continue;
      return Fail(Reason::kInvalid,
                  fmt::format("{}: \"{}\" can be had in {} and {} or in neither of them", path,
                              plugin.name, kPointNames[one].field, kPointNames[other].field));
    }
  }
  return {};
}

Result<> ReadPlugins(const Json& plugins, const std::string& path, Profile& to) {
  const PluginSet general = TRY(ReadSet(plugins, "multiPoint", path));
  const auto everywhere = ForAllPoints(general);
  std::array<PluginSet, kPoints> said;
  for (size_t i = 0; i < kPoints; ++i) {
    said[i] = TRY(ReadSet(plugins, kPointNames[i].field, path));
  }
  const auto at_start = [&](const Result<>& checked) -> Result<> {
    if (checked) return {};
    return Fail(Reason::kInvalid,
                fmt::format("initializing profiles: creating profile for scheduler name {}: {}",
                            to.name, checked.error().message));
  };
  AskedEverywhere asked;
  for (size_t i = 0; i < kPoints; ++i) TRY(at_start(CheckSet(said[i], static_cast<Point>(i))));
  for (size_t i = 0; i < kPoints; ++i) {
    auto list = AskedAt(static_cast<Point>(i), said[i], everywhere);
    if (!list) return at_start(Fail(list.error()));
    asked[i] = *std::move(list);
  }
  if (asked[kQueueSort].size() != 1) {
    return at_start(
        Fail(Reason::kInvalid,
             fmt::format("only one queue sort plugin required for profile with scheduler "
                         "name \"{}\", but got {}",
                         to.name, asked[kQueueSort].size())));
  }
  if (asked[kBind].empty()) {
    return at_start(
        Fail(Reason::kInvalid,
             fmt::format("at least one bind plugin is needed for profile with scheduler "
                         "name \"{}\"",
                         to.name)));
  }
  if (std::ranges::any_of(asked[kScore], [](const Enabled& each) { return each.weight < 0; })) {
    return at_start(Fail(Reason::kInvalid, "total score of Score plugins could overflow"));
  }
  TRY(CheckWhole(asked, path));
  to.filters.clear();
  for (const Enabled& each : asked[kFilter]) {
    for (const scheduler::FilterRule& rule : scheduler::DefaultFilters()) {
      if (rule.name == each.name) to.filters.push_back(rule);
    }
  }
  to.scores.clear();
  for (const Enabled& each : asked[kScore]) {
    for (scheduler::ScoreRule rule : scheduler::DefaultScores()) {
      if (rule.name != each.name) continue;
      rule.weight = each.weight == 0 ? 1 : each.weight;
      to.scores.push_back(rule);
    }
  }
  to.holds_gated_pods = Asks(asked, kPreEnqueue, "SchedulingGates");
  to.preempts = Asks(asked, kPostFilter, "DefaultPreemption");
  to.binds_claims = Asks(asked, kPreBind, "VolumeBinding");
  to.holds_pods_without_claims = Asks(asked, kPreEnqueue, "DynamicResources");
  to.frees_devices = Asks(asked, kPostFilter, "DynamicResources");
  return {};
}

// What of the plugins is wrong whatever plugins there are.
Result<> CheckPlugins(const Json& plugins, const std::string& path, ConfigErrors& errors) {
  for (const auto& [field, set] : plugins.items()) {
    const bool is_known =
        field == "multiPoint" || std::ranges::any_of(kPointNames, [&](const PointNames& point) {
          return field == point.field;
        });
    if (is_known) continue;
    return Fail(Reason::kInvalid,
                fmt::format("strict decoding error: unknown field \"{}.{}\"", path, field));
  }
  for (const PointNames& point : kPointNames) {
    const PluginSet said = TRY(ReadSet(plugins, point.field, path));
    for (size_t i = 0; i < said.enabled.size(); ++i) {
      const std::string& name = said.enabled[i].name;
      if (!IsRemovedPlugin(name)) continue;
      RefuseRemoved(fmt::format("{}.{}.enabled[{}]", path, point.field, i), name, errors);
    }
  }
  return {};
}

Result<Profile> ParseProfile(const Json& object, const std::string& path, bool is_only,
                             int percentage, std::vector<std::string>& unused,
                             ConfigErrors& errors) {
  Profile profile;
  profile.percentage_of_nodes_to_score = percentage;
  if (!is_only) profile.name.clear();
  ConfigFields fields(object, path);
  fields.Read("schedulerName", profile.name);
  fields.Read("percentageOfNodesToScore", profile.percentage_of_nodes_to_score);
  const Json* const plugins = fields.Any("plugins");
  const Json* const config = fields.List("pluginConfig");
  TRY(fields.Strict());
  if (profile.name.empty()) errors.Add(path + ".schedulerName: Required value");
  const int own = profile.percentage_of_nodes_to_score;
  if (object.contains("percentageOfNodesToScore") && (own < 0 || own > 100)) {
    errors.Invalid(path + ".percentageOfNodesToScore", std::to_string(own),
                   "not in valid range [0-100]");
  }
  if (plugins != nullptr && !plugins->is_object()) {
    return Fail(Reason::kInvalid, path + ".plugins: must be an object");
  }
  if (plugins != nullptr) TRY(CheckPlugins(*plugins, path + ".plugins", errors));
  if (config != nullptr) {
    TRY(ReadPluginConfig(*config, path + ".pluginConfig", profile, unused, errors));
  }
  return profile;
}

std::string PathOf(size_t profile) {
  return fmt::format("profiles[{}]", profile);
}

Result<PluginSet> QueueSortOf(const Json& profile, size_t index) {
  const auto plugins = profile.find("plugins");
  if (plugins == profile.end() || !plugins->is_object()) return PluginSet();
  return ReadSet(*plugins, "queueSort", PathOf(index) + ".plugins");
}

// As Go shows what it has made of it.
std::string Shown(const PluginSet& set) {
  const auto list = [](const auto& plugins) -> std::string {
    if (plugins.empty()) return "null";
    std::vector<std::string> shown;
    for (const Enabled& each : plugins) {
      shown.push_back(fmt::format("{{\"Name\":\"{}\",\"Weight\":{}}}", each.name, each.weight));
    }
    return fmt::format("[{}]", fmt::join(shown, ","));
  };
  return fmt::format("{{\"Enabled\":{},\"Disabled\":{}}}", list(set.enabled), list(set.disabled));
}

// Pods of all profiles wait in one queue.
Result<> CheckQueueSort(const Json& profiles, ConfigErrors& errors) {
  const PluginSet first = TRY(QueueSortOf(profiles[0], 0));
  if (const size_t count = first.enabled.size(); count > 1) {
    errors.Invalid("profiles[0].plugins.queueSort.Enabled", std::to_string(count),
                   "only one queue sort plugin can be enabled");
  }
  for (size_t i = 1; i < profiles.size(); ++i) {
    const PluginSet other = TRY(QueueSortOf(profiles[i], i));
    if (other == first) continue;
    errors.Invalid(PathOf(i) + ".plugins.queueSort", Shown(other),
                   "must be the same for all profiles");
  }
  return {};
}

}  // namespace

bool IsRemovedPlugin(std::string_view name) {
  return std::ranges::find(kRemovedPlugins, name) != std::end(kRemovedPlugins);
}

void RefuseRemoved(std::string_view field, std::string_view name, ConfigErrors& errors) {
  errors.Invalid(field, fmt::format("\"{}\"", name),
                 "was invalid in version \"v1\" (KubeSchedulerConfiguration is version "
                 "\"kubescheduler.config.k8s.io/v1\")");
}

Result<std::vector<Profile>> ParseProfiles(const Json& profiles, int percentage,
                                           std::vector<std::string>& unused, ConfigErrors& errors) {
  if (!profiles.is_array()) return Fail(Reason::kInvalid, "profiles: must be a list");
  std::vector<Profile> parsed;
  std::set<std::string> names;
  for (size_t i = 0; i < profiles.size(); ++i) {
    const std::string path = PathOf(i);
    if (!profiles[i].is_object()) return Fail(Reason::kInvalid, path + ": must be an object");
    Profile profile =
        TRY(ParseProfile(profiles[i], path, profiles.size() == 1, percentage, unused, errors));
    // Not what it is: so kube-scheduler shows where it was before.
    if (!names.insert(profile.name).second) {
      errors.Add(path + ".schedulerName: Duplicate value: {}");
    }
    parsed.push_back(std::move(profile));
  }
  if (!parsed.empty()) {
    TRY(CheckQueueSort(profiles, errors));
    return parsed;
  }
  Profile own;
  own.percentage_of_nodes_to_score = percentage;
  return std::vector<Profile>{std::move(own)};
}

Result<> ChoosePlugins(const Json& profiles, std::vector<Profile>& to) {
  for (size_t i = 0; i < profiles.size(); ++i) {
    const auto plugins = profiles[i].find("plugins");
    if (plugins == profiles[i].end() || !plugins->is_object()) continue;
    TRY(ReadPlugins(*plugins, PathOf(i) + ".plugins", to[i]));
  }
  return {};
}

}  // namespace skiff
