// pluginConfig of kube-scheduler's profiles: what its plugins are told, checked as there.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/typed.h"
#include "api/rules/names.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/text/time_text.h"
#include "api/violations.h"
#include "skiff/config_fields.h"
#include "skiff/scheduler_profiles.h"

namespace skiff {
namespace {

using scheduler::Profile;
using scheduler::ResourceWeight;
using scheduler::ScoringStrategy;

// One of pluginConfig: fields of its args, and where what is wrong with them goes.
struct Args {
  ConfigFields fields;
  FieldPath path;
  Violations& wrong;
};

void ReadPreemption(Args& args, Profile& to) {
  int& percentage = to.candidates_percentage_min;
  int& absolute = to.candidates_absolute_min;
  args.fields.Read("minCandidateNodesPercentage", percentage);
  args.fields.Read("minCandidateNodesAbsolute", absolute);
  const FieldPath percentage_path = args.path.Child("minCandidateNodesPercentage");
  const FieldPath absolute_path = args.path.Child("minCandidateNodesAbsolute");
  if (percentage < 0 || percentage > 100) {
    args.wrong.Invalid(percentage_path, percentage, "not in valid range [0, 100]");
  }
  if (absolute < 0) args.wrong.Invalid(absolute_path, absolute, "not in valid range [0, inf)");
  if (percentage != 0 || absolute != 0) return;
  args.wrong.Invalid(percentage_path, 0,
                     "cannot be zero at the same time as minCandidateNodesAbsolute");
  args.wrong.Invalid(absolute_path, 0,
                     "cannot be zero at the same time as minCandidateNodesPercentage");
}

void ReadPodAffinity(Args& args, Profile& to) {
  int weight = 1;
  args.fields.Read("hardPodAffinityWeight", weight);
  args.fields.Read("ignorePreferredTermsOfExistingPods", to.ignores_preferences_of_others);
  if (weight < 0 || weight > 100) {
    args.wrong.Invalid(args.path.Child("hardPodAffinityWeight"), weight,
                       "not in valid range [0, 100]");
  }
  to.hard_pod_affinity_weight = weight;
}

// What of `given` is not in `kept`, which was made of it: a field that there is not. Not one that
// says nothing, as what is kept leaves those out. "" when all is there.
std::string UnknownIn(const Json& given, const Json& kept, const FieldPath& path) {
  if (given.is_array() && kept.is_array()) {
    for (size_t i = 0; i < given.size() && i < kept.size(); ++i) {
      auto unknown = UnknownIn(given[i], kept[i], path.Index(i));
      if (!unknown.empty()) return unknown;
    }
  }
  if (!given.is_object() || !kept.is_object()) return "";
  for (const auto& [name, value] : given.items()) {
    const auto found = kept.find(name);
    const bool says_nothing = value.is_null() || value == "" || value == 0 || value == false ||
                              (value.is_structured() && value.empty());
    if (found == kept.end() && !says_nothing) return path.Child(name).Text();
    if (found == kept.end()) continue;
    auto unknown = UnknownIn(value, *found, path.Child(name));
    if (!unknown.empty()) return unknown;
  }
  return "";
}

template <typename T>
void ReadTyped(Args& args, const char* name, const Json& value, std::optional<T>& to) {
  auto read = FromJson<T>(value);
  if (!read) return args.fields.Note(name, read.error().message);
  const std::string unknown = UnknownIn(value, ToJson(*read), args.path.Child(name));
  if (!unknown.empty()) {
    return args.fields.Note(name, fmt::format("unknown field \"{}\"", unknown));
  }
  to = *std::move(read);
}

// In the words of kube-scheduler, whose selectors know no other operators.
bool HasKnownOperators(const core_v1::NodeSelector& selector, const FieldPath& path,
                       Violations& wrong) {
  static const std::vector<std::string> kOperators = {"In",           "NotIn", "Exists",
                                                      "DoesNotExist", "Gt",    "Lt"};
  bool all = true;
  for (size_t i = 0; i < selector.node_selector_terms.size(); ++i) {
    const FieldPath term = path.Child("nodeSelectorTerms").Index(i);
    const auto& expressions = selector.node_selector_terms[i].match_expressions;
    for (size_t at = 0; at < expressions.size(); ++at) {
      const std::string& given = expressions[at].operator_;
      if (std::ranges::find(kOperators, given) != kOperators.end()) continue;
      all = false;
      wrong.NotSupported(term.Child("matchExpressions").Index(at).Child("operator"), given,
                         kOperators);
    }
  }
  return all;
}

void ReadNodeAffinity(Args& args, Profile& to) {
  const Json* const added = args.fields.Any("addedAffinity");
  if (added == nullptr) return;
  ReadTyped(args, "addedAffinity", *added, to.added_affinity);
  if (!to.added_affinity) return;
  const FieldPath path = args.path.Child("addedAffinity");
  if (const auto& required =
          to.added_affinity->required_during_scheduling_ignored_during_execution) {
    const FieldPath at = path.Child("requiredDuringSchedulingIgnoredDuringExecution");
    if (HasKnownOperators(*required, at, args.wrong)) {
      ValidateNodeSelector(*required, /*check_values=*/true, at, args.wrong);
    }
  }
  const auto& preferred = to.added_affinity->preferred_during_scheduling_ignored_during_execution;
  for (size_t i = 0; i < preferred.size(); ++i) {
    core_v1::NodeSelector one;
    one.node_selector_terms = {preferred[i].preference};
    ValidateNodeSelector(one, /*check_values=*/true,
                         path.Child("preferredDuringSchedulingIgnoredDuringExecution").Index(i),
                         args.wrong);
  }
}

std::vector<ResourceWeight> ReadResources(ConfigFields& fields, const FieldPath& path,
                                          const std::vector<ResourceWeight>& unsaid) {
  const Json* const list = fields.List("resources");
  if (list == nullptr || list->empty()) return unsaid;
  std::vector<ResourceWeight> resources;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string at = path.Child("resources").Index(i).Text();
    if (!(*list)[i].is_object()) {
      fields.Note(fmt::format("resources[{}]", i), "must be an object");
      return unsaid;
    }
    ConfigFields each((*list)[i], at);
    ResourceWeight resource{.name = "", .weight = 0};
    int weight = 0;
    each.Read("name", resource.name);
    each.Read("weight", weight);
    fields.TakeStrictly(each);
    resource.weight = weight == 0 ? 1 : weight;
    resources.push_back(std::move(resource));
  }
  return resources;
}

void ReadBalance(Args& args, Profile& to) {
  to.balanced_resources = ReadResources(args.fields, args.path, to.balanced_resources);
  std::set<std::string> seen;
  for (size_t i = 0; i < to.balanced_resources.size(); ++i) {
    const ResourceWeight& each = to.balanced_resources[i];
    const FieldPath path = args.path.Child("resources").Index(i);
    if (!seen.insert(each.name).second) args.wrong.Duplicate(path.Child("name"), each.name);
    if (each.weight != 1) args.wrong.Invalid(path.Child("weight"), each.weight, "must be 1");
  }
}

void ReadShape(Args& args, ConfigFields& ratio, const FieldPath& path, ScoringStrategy& to) {
  const Json* const list = ratio.List("shape");
  if (list == nullptr || list->empty()) {
    return args.wrong.Required(path, "at least one point must be specified");
  }
  constexpr int kScoreMax = 10;  // Of the file; of scores it is a hundred.
  for (size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_object()) return ratio.Note("shape", "must be a list of objects");
    const FieldPath at = path.Index(i);
    ConfigFields fields((*list)[i], at.Text());
    int utilization = 0, score = 0;
    fields.Read("utilization", utilization);
    fields.Read("score", score);
    ratio.TakeStrictly(fields);
    if (i > 0 && to.shape.back().utilization >= utilization) {
      args.wrong.Invalid(at.Child("utilization"), utilization,
                         "values must be sorted in increasing order");
    }
    if (utilization < 0 || utilization > 100) {
      args.wrong.Invalid(at.Child("utilization"), utilization, "not in valid range [0, 100]");
    }
    if (score < 0 || score > kScoreMax) {
      args.wrong.Invalid(at.Child("score"), score, "not in valid range [0, 10]");
    }
    to.shape.push_back({utilization, int64_t{score} * (100 / kScoreMax)});
  }
}

void ReadStrategy(Args& args, Profile& to) {
  const FieldPath path = args.path.Child("scoringStrategy");
  ConfigFields strategy = args.fields.Object("scoringStrategy");
  std::string type = "LeastAllocated";
  strategy.Read("type", type);
  ScoringStrategy& scoring = to.scoring;
  scoring.resources = ReadResources(strategy, path, scoring.resources);
  for (size_t i = 0; i < scoring.resources.size(); ++i) {
    const ResourceWeight& each = scoring.resources[i];
    if (each.weight > 0 && each.weight <= 100) continue;
    args.wrong.Invalid(path.Child("resources").Index(i).Child("weight"), each.weight,
                       fmt::format("resource weight of {} not in valid range (0, 100]", each.name));
  }
  using Type = ScoringStrategy::Type;
  ConfigFields ratio = strategy.Object("requestedToCapacityRatio");
  const bool needs_shape = type == "RequestedToCapacityRatio";
  if (needs_shape || strategy.Any("requestedToCapacityRatio") != nullptr) {
    ReadShape(args, ratio, path.Child("shape"), scoring);
  }
  if (type == "MostAllocated") {
    scoring.type = Type::kMostAllocated;
  } else if (needs_shape) {
    scoring.type = Type::kRequestedToCapacityRatio;
  } else if (type != "LeastAllocated") {
    args.wrong.NotSupported(path.Child("type"), type,
                            {"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"});
  }
  strategy.TakeStrictly(ratio);
  args.fields.TakeStrictly(strategy);
}

void ReadFit(Args& args, Profile& to) {
  std::vector<std::string> resources, groups;
  args.fields.Read("ignoredResources", resources);
  args.fields.Read("ignoredResourceGroups", groups);
  for (size_t i = 0; i < resources.size(); ++i) {
    const FieldPath path = args.path.Child("ignoredResources").Index(i);
    args.wrong.InvalidEach(path, resources[i], LabelKeyErrors(resources[i]));
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const FieldPath path = args.path.Child("ignoredResourceGroups").Index(i);
    if (groups[i].find('/') != std::string::npos) {
      args.wrong.Invalid(path, groups[i], "resource group name can't contain '/'");
    }
    args.wrong.InvalidEach(path, groups[i], LabelKeyErrors(groups[i]));
  }
  to.ignored_resources.insert(resources.begin(), resources.end());
  to.ignored_resource_groups.insert(groups.begin(), groups.end());
  ReadStrategy(args, to);
}

void CheckConstraint(const std::vector<core_v1::TopologySpreadConstraint>& list, size_t index,
                     const FieldPath& constraints, Violations& wrong) {
  const core_v1::TopologySpreadConstraint& each = list[index];
  const FieldPath path = constraints.Index(index);
  if (each.max_skew <= 0) {
    wrong.Invalid(path.Child("maxSkew"), each.max_skew, "not in valid range (0, inf)");
  }
  if (each.topology_key.empty()) {
    wrong.Required(path.Child("topologyKey"), "can not be empty");
  } else {
    wrong.InvalidEach(path.Child("topologyKey"), each.topology_key,
                      LabelKeyErrors(each.topology_key));
  }
  const std::string& when = each.when_unsatisfiable;
  if (when.empty()) {
    wrong.Required(path.Child("whenUnsatisfiable"), "can not be empty");
  } else if (when != "DoNotSchedule" && when != "ScheduleAnyway") {
    wrong.NotSupported(path.Child("whenUnsatisfiable"), when, {"DoNotSchedule", "ScheduleAnyway"});
  }
  if (each.label_selector) {
    wrong.Forbidden(path.Child("labelSelector"),
                    "constraint must not define a selector, as they deduced for each pod");
  }
  for (size_t before = 0; before < index; ++before) {
    const bool is_same =
        list[before].topology_key == each.topology_key && list[before].when_unsatisfiable == when;
    if (!is_same) continue;
    wrong.Duplicate(path, fmt::format("{{{}, {}}}", each.topology_key, when));
    return;
  }
}

void ReadSpread(Args& args, Profile& to) {
  const Json* const given = args.fields.List("defaultConstraints");
  std::string type = "System";
  args.fields.Read("defaultingType", type);
  std::vector<core_v1::TopologySpreadConstraint> constraints;
  if (given != nullptr) {
    for (const Json& one : *given) {
      std::optional<core_v1::TopologySpreadConstraint> constraint;
      ReadTyped(args, "defaultConstraints", one, constraint);
      if (!constraint) return;
      constraints.push_back(*std::move(constraint));
    }
  }
  const FieldPath path = args.path.Child("defaultingType");
  if (type != "System" && type != "List") {
    args.wrong.NotSupported(path, type, {"System", "List"});
  } else if (type == "System" && !constraints.empty()) {
    args.wrong.Invalid(path, type, "when .defaultConstraints are not empty");
  }
  for (size_t i = 0; i < constraints.size(); ++i) {
    CheckConstraint(constraints, i, args.path.Child("defaultConstraints"), args.wrong);
  }
  if (type == "List") to.default_constraints = std::move(constraints);
}

void ReadVolumeBinding(Args& args, Profile& to) {
  int64_t seconds = to.bind_timeout / 1s;
  args.fields.Read("bindTimeoutSeconds", seconds);
  if (seconds < 0) {
    args.wrong.Invalid(args.path.Child("bindTimeoutSeconds"), seconds,
                       "invalid BindTimeoutSeconds, should not be a negative value");
  }
  if (const Json* const shape = args.fields.Any("shape")) {
    args.wrong.Invalid(args.path.Child("shape"), *shape,
                       "unexpected field `shape`, remove it or turn on the feature gate "
                       "StorageCapacityScoring");
  }
  constexpr int64_t kForEver = int64_t{100} * 365 * 24 * 3600;
  to.bind_timeout = std::chrono::seconds(std::min(seconds, kForEver));
}

void ReadDynamicResources(Args& args, Profile& to) {
  args.fields.Read("filterTimeout", to.device_search_timeout);
  if (const Duration timeout = to.device_search_timeout; timeout < Duration::zero()) {
    args.wrong.Invalid(args.path.Child("filterTimeout"), FormatGoDuration(timeout.count()),
                       "must be zero or positive");
  }
  if (args.fields.Any("bindingTimeout") != nullptr) {
    args.wrong.Forbidden(args.path.Child("bindingTimeout"),
                         "DRADeviceBindingConditions or DRAResourceClaimDeviceStatus feature gate "
                         "is disabled");
  }
}

struct ArgsReader {
  std::string_view plugin;
  void (*read)(Args& args, Profile& to);
};
constexpr ArgsReader kReaders[] = {
    {"DefaultPreemption", ReadPreemption},
    {"DynamicResources", ReadDynamicResources},
    {"InterPodAffinity", ReadPodAffinity},
    {"NodeAffinity", ReadNodeAffinity},
    {"NodeResourcesBalancedAllocation", ReadBalance},
    {"NodeResourcesFit", ReadFit},
    {"PodTopologySpread", ReadSpread},
    {"VolumeBinding", ReadVolumeBinding},
};

// As whoever is told only the arguments calls their fields.
std::string WithoutPath(std::string text, const FieldPath& path) {
  const std::string begin = path.Text() + ".";
  for (size_t at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    text.erase(at, begin.size());
  }
  return text;
}

// `config` is where they are said.
Result<> CheckKind(const Json& given, std::string_view plugin, const FieldPath& config) {
  constexpr const char* kVersion = "kubescheduler.config.k8s.io/v1";
  const std::string kind = std::string(plugin) + "Args";
  const std::string said = skiff::TextAt(given, "kind"),
                    version = skiff::TextAt(given, "apiVersion");
  if (!version.empty() && version != kVersion) {
    const std::string why = NoKindRegistered({version, said.empty() ? kind : said}, kRuntimeScheme);
    return Fail(Reason::kInvalid, fmt::format("decoding .{}: decoding args for plugin {}: {}",
                                              config.Text(), plugin, why));
  }
  if (said.empty() || said == kind) return {};
  return Fail(Reason::kInvalid,
              fmt::format("decoding .{}: args for plugin {} were not of type "
                          "{}.kubescheduler.config.k8s.io, got {}.kubescheduler.config.k8s.io",
                          config.Text(), plugin, kind, said));
}

Result<> ReadOne(const Json& given, const ArgsReader& reader, const FieldPath& config, Profile& to,
                 ConfigErrors& errors) {
  TRY(CheckKind(given, reader.plugin, config));
  const FieldPath path = config.Child("args");
  Violations wrong;
  Args args{ConfigFields(given, path.Text()), path, wrong};
  reader.read(args, to);
  if (const auto all = args.fields.Strict(); !all) {
    const std::string why = WithoutPath(all.error().message, path);
    const char* const strictly = why.starts_with("strict") ? "strict decoding error: " : "";
    return Fail(Reason::kInvalid,
                fmt::format("{}decoding .{}: {}decoding args for plugin {}: {}", strictly,
                            config.Text(), strictly, reader.plugin, why));
  }
  if (wrong.empty()) return {};
  if (reader.plugin != "NodeResourcesFit") {
    errors.Add(wrong.Text());
    return {};
  }
  // The one whose arguments kube-scheduler does not look at before it makes the plugin.
  errors.AddAtStart(
      fmt::format("initializing profiles: creating profile for scheduler name {}: initializing "
                  "plugin \"{}\": {}",
                  to.name, reader.plugin, WithoutPath(wrong.Text(), path)));
  return {};
}

}  // namespace

Result<> ReadPluginConfig(const Json& list, const std::string& path, Profile& to,
                          std::vector<std::string>& unused, ConfigErrors& errors) {
  std::set<std::string> seen;
  for (size_t i = 0; i < list.size(); ++i) {
    const FieldPath at = FieldPath(path).Index(i);
    if (!list[i].is_object()) return Fail(Reason::kInvalid, at.Text() + ": must be an object");
    std::string name;
    ConfigFields fields(list[i], at.Text());
    fields.Read("name", name);
    (void)fields.Object("args");
    TRY(fields.Strict());
    if (!seen.insert(name).second) {
      errors.Add(fmt::format("{}: Duplicate value: \"{}\"", at.Text(), name));
    }
    if (IsRemovedPlugin(name)) {
      RefuseRemoved(at.Text(), name, errors);
      continue;
    }
    const auto reader = std::ranges::find(kReaders, name, &ArgsReader::plugin);
    const auto args = list[i].find("args");
    const bool says_something = args != list[i].end() && args->is_object();
    if (reader == std::end(kReaders)) {
      unused.push_back(
          fmt::format("{} of the configuration file has no effect: no plugin \"{}\" "
                      "takes arguments here",
                      at.Text(), name));
    } else if (says_something) {
      TRY(ReadOne(*args, *reader, at, to, errors));
    }
  }
  return {};
}

}  // namespace skiff
