#include "skiff/scheduler_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/text/yaml.h"

namespace skiff {
namespace {

using scheduler::Profile;
using scheduler::ScoringStrategy;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SchedulerProfilesTest : public testing::Test {
 protected:
  Result<Profile> Parse(const std::string& profile) {
    const auto documents = ParseYamlStream("profiles:\n- " + profile);
    EXPECT_TRUE(documents) << documents.error().message;
    const Json& profiles = documents->at(0).value.at("profiles");
    ConfigErrors errors;
    auto parsed = ParseProfiles(profiles, 7, unused_, errors);
    if (!parsed) return Fail(parsed.error());
    TRY(errors.Outcome());
    TRY(ChoosePlugins(profiles, *parsed));
    EXPECT_EQ(parsed->size(), 1u);
    return parsed->at(0);
  }
  Profile Get(const std::string& profile) {
    auto parsed = Parse(profile);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *parsed : Profile();
  }
  std::string Error(const std::string& profile) {
    const auto parsed = Parse(profile);
    return parsed ? "" : parsed.error().message;
  }
  std::string ArgsError(const std::string& plugin, const std::string& args) {
    return Error("{pluginConfig: [{name: " + plugin + ", args: {" + args + "}}]}");
  }
  static std::vector<std::string> Filters(const Profile& profile) {
    std::vector<std::string> names;
    for (const auto& rule : profile.filters) names.emplace_back(rule.name);
    return names;
  }
  static std::vector<std::pair<std::string, int64_t>> Scores(const Profile& profile) {
    std::vector<std::pair<std::string, int64_t>> scores;
    for (const auto& rule : profile.scores) scores.emplace_back(rule.name, rule.weight);
    return scores;
  }

  std::vector<std::string> unused_;
};

TEST_F(SchedulerProfilesTest, WithoutPluginsItIsKubeSchedulersOwn) {
  const Profile profile = Get("{}");
  EXPECT_EQ(profile.name, "default-scheduler");
  EXPECT_EQ(profile.percentage_of_nodes_to_score, 7);
  EXPECT_EQ(Filters(profile), Filters(Profile()));
  EXPECT_EQ(Scores(profile), Scores(Profile()));
  EXPECT_EQ(Get("{percentageOfNodesToScore: 50}").percentage_of_nodes_to_score, 50);
  const Profile merged = Get("{plugins: {}}");
  EXPECT_EQ(Filters(merged), Filters(Profile()));
  EXPECT_EQ(Scores(merged), Scores(Profile()));
  EXPECT_EQ(Error("{percentageOfNodesToScore: 101}"),
            "profiles[0].percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]");
}

TEST_F(SchedulerProfilesTest, APluginLeavesAllItsPointsOrOneOfThem) {
  Profile profile = Get("{plugins: {multiPoint: {disabled: [{name: PodTopologySpread}]}}}");
  EXPECT_THAT(Filters(profile), Not(Contains("PodTopologySpread")));
  EXPECT_THAT(Scores(profile), Not(Contains(std::pair("PodTopologySpread", 2))));
  profile = Get("{plugins: {filter: {disabled: [{name: NodeName}]}}}");
  EXPECT_THAT(Filters(profile), Not(Contains("NodeName")));
  profile = Get("{plugins: {score: {disabled: [{name: ImageLocality}]}}}");
  EXPECT_THAT(Scores(profile), Not(Contains(std::pair("ImageLocality", 1))));
  EXPECT_TRUE(profile.preempts);
  EXPECT_FALSE(Get("{plugins: {postFilter: {disabled: [{name: '*'}]}}}").preempts);
  EXPECT_FALSE(
      Get("{plugins: {preEnqueue: {disabled: [{name: SchedulingGates}]}}}").holds_gated_pods);
  EXPECT_FALSE(Get("{plugins: {multiPoint: {disabled: [{name: VolumeBinding}]}}}").binds_claims);
  EXPECT_TRUE(profile.frees_devices && profile.holds_pods_without_claims);
  profile = Get("{plugins: {multiPoint: {disabled: [{name: DynamicResources}]}}}");
  EXPECT_THAT(Filters(profile), Not(Contains("DynamicResources")));
  EXPECT_FALSE(profile.frees_devices || profile.holds_pods_without_claims);
}

TEST_F(SchedulerProfilesTest, APointHasItsOwnWeightsAndOrder) {
  Profile profile = Get(R"({plugins: {
    preScore: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit}]},
    score: {disabled: [{name: '*'}],
            enabled: [{name: ImageLocality, weight: 5}, {name: NodeResourcesFit}]}}})");
  EXPECT_THAT(Scores(profile),
              ElementsAre(std::pair("ImageLocality", 5), std::pair("NodeResourcesFit", 1)));
  profile = Get("{plugins: {multiPoint: {enabled: [{name: TaintToleration, weight: 9}]}}}");
  EXPECT_EQ(Scores(profile).at(0), std::pair(std::string("TaintToleration"), int64_t{9}));
  profile = Get("{plugins: {filter: {enabled: [{name: NodePorts}, {name: NodeName}]}}}");
  EXPECT_EQ(Filters(profile).at(0), "NodePorts");
  EXPECT_EQ(Filters(profile).at(1), "NodeName");
  EXPECT_EQ(Filters(profile).size(), Profile().filters.size());
}

TEST_F(SchedulerProfilesTest, WhatCannotBeIsRefusedInKubeSchedulersWords) {
  const std::string begin =
      "initializing profiles: creating profile for scheduler name default-scheduler: ";
  EXPECT_EQ(Error("{plugins: {filter: {enabled: [{name: Mine}]}}}"),
            begin + "FilterPlugin \"Mine\" does not exist");
  EXPECT_EQ(Error("{plugins: {multiPoint: {enabled: [{name: Mine}]}}}"),
            begin + "PreFilterPlugin \"Mine\" does not exist");
  EXPECT_EQ(Error("{plugins: {score: {enabled: [{name: NodeName}]}}}"),
            begin + "plugin \"NodeName\" does not extend ScorePlugin plugin");
  EXPECT_EQ(Error("{plugins: {filter: {enabled: [{name: NodeName}, {name: NodeName}]}}}"),
            begin + "plugin \"NodeName\" already registered as \"FilterPlugin\"");
  EXPECT_EQ(Error("{plugins: {multiPoint: {enabled: [{name: ImageLocality}, {name: "
                  "ImageLocality, weight: 9}]}}}"),
            begin + "plugin \"ImageLocality\" already registered as \"ScorePlugin\"");
  EXPECT_EQ(Error("{plugins: {bind: {disabled: [{name: '*'}]}}}"),
            begin +
                "at least one bind plugin is needed for profile with scheduler name "
                "\"default-scheduler\"");
  EXPECT_EQ(Error("{plugins: {queueSort: {disabled: [{name: PrioritySort}]}}}"),
            begin +
                "only one queue sort plugin required for profile with scheduler name "
                "\"default-scheduler\", but got 0");
  EXPECT_EQ(Error("{plugins: {score: {enabled: [{name: NodeAffinity, weight: -1}]}}}"),
            begin + "total score of Score plugins could overflow");
  EXPECT_EQ(Error("{plugins: {filters: {}}}"),
            "strict decoding error: unknown field \"profiles[0].plugins.filters\"");
  EXPECT_EQ(Error("{plugin: {}}"), "strict decoding error: unknown field \"profiles[0].plugin\"");
  EXPECT_EQ(Error("{plugins: {filter: {disabled: [{name: NodePorts}]}}}"),
            "profiles[0].plugins: \"NodePorts\" can be had in preFilter and filter or in neither "
            "of them");
}

TEST_F(SchedulerProfilesTest, PluginsAreToldWhatTheFileSays) {
  const Profile profile = Get(R"(
  pluginConfig:
  - name: DefaultPreemption
    args: {minCandidateNodesPercentage: 20, minCandidateNodesAbsolute: 5}
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 50, ignorePreferredTermsOfExistingPods: true}
  - name: NodeAffinity
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: NodeAffinityArgs
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]
  - name: NodeResourcesFit
    args:
      ignoredResources: [example.com/foo]
      ignoredResourceGroups: [vendor.io]
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources: [{name: nvidia.com/gpu, weight: 3}, {name: cpu}]
        requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]}
  - name: NodeResourcesBalancedAllocation
    args: {resources: [{name: cpu, weight: 1}, {name: nvidia.com/gpu, weight: 1}]}
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway}]
  - name: VolumeBinding
    args: {bindTimeoutSeconds: 30}
)");
  EXPECT_EQ(profile.candidates_percentage_min, 20);
  EXPECT_EQ(profile.candidates_absolute_min, 5);
  EXPECT_EQ(profile.hard_pod_affinity_weight, 50);
  EXPECT_TRUE(profile.ignores_preferences_of_others);
  ASSERT_TRUE(profile.added_affinity);
  EXPECT_TRUE(profile.added_affinity->required_during_scheduling_ignored_during_execution);
  EXPECT_TRUE(profile.ignored_resources.contains("example.com/foo"));
  EXPECT_TRUE(profile.ignored_resource_groups.contains("vendor.io"));
  EXPECT_EQ(profile.scoring.type, ScoringStrategy::Type::kRequestedToCapacityRatio);
  ASSERT_EQ(profile.scoring.resources.size(), 2u);
  EXPECT_EQ(profile.scoring.resources[0].weight, 3);
  EXPECT_EQ(profile.scoring.resources[1].weight, 1);
  ASSERT_EQ(profile.scoring.shape.size(), 2u);
  EXPECT_EQ(profile.scoring.shape[1].score, 100);
  EXPECT_EQ(profile.balanced_resources.size(), 2u);
  ASSERT_TRUE(profile.default_constraints);
  EXPECT_EQ(profile.default_constraints->at(0).topology_key, "rack");
  EXPECT_EQ(profile.bind_timeout, 30s);
  EXPECT_THAT(unused_, IsEmpty());
}

TEST_F(SchedulerProfilesTest, ArgumentsAreCheckedAsThere) {
  const std::string args = "profiles[0].pluginConfig[0].args.";
  EXPECT_EQ(ArgsError("InterPodAffinity", "hardPodAffinityWeight: 101"),
            args + "hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]");
  EXPECT_THAT(ArgsError("DefaultPreemption",
                        "minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0"),
              HasSubstr("cannot be zero at the same time as minCandidateNodesAbsolute"));
  const std::string fit =
      "initializing profiles: creating profile for scheduler name default-scheduler: "
      "initializing plugin \"NodeResourcesFit\": ";
  EXPECT_EQ(ArgsError("NodeResourcesFit", "scoringStrategy: {type: Best}"),
            fit +
                "scoringStrategy.type: Unsupported value: \"Best\": supported values: "
                "\"LeastAllocated\", \"MostAllocated\", \"RequestedToCapacityRatio\"");
  EXPECT_EQ(ArgsError("NodeResourcesFit", "scoringStrategy: {type: RequestedToCapacityRatio}"),
            fit + "scoringStrategy.shape: Required value: at least one point must be specified");
  EXPECT_EQ(ArgsError("NodeResourcesFit", "ignoredResourceGroups: [a/b]"),
            fit +
                "ignoredResourceGroups[0]: Invalid value: \"a/b\": resource group name can't "
                "contain '/'");
  EXPECT_EQ(ArgsError("PodTopologySpread",
                      "defaultConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: "
                      "ScheduleAnyway}]"),
            args +
                "defaultingType: Invalid value: \"System\": when .defaultConstraints are not "
                "empty");
  EXPECT_EQ(ArgsError("NodeResourcesBalancedAllocation", "resources: [{name: cpu, weight: 2}]"),
            args + "resources[0].weight: Invalid value: 2: must be 1");
  EXPECT_EQ(ArgsError("VolumeBinding", "bindTimeoutSeconds: -1"),
            args +
                "bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not "
                "be a negative value");
  EXPECT_EQ(ArgsError("VolumeBinding", "timeout: 1"),
            "strict decoding error: decoding .profiles[0].pluginConfig[0]: strict decoding error: "
            "decoding args for plugin VolumeBinding: strict decoding error: unknown field "
            "\"timeout\"");
  EXPECT_EQ(ArgsError("VolumeBinding", "apiVersion: kubescheduler.config.k8s.io/v1beta3"),
            "decoding .profiles[0].pluginConfig[0]: decoding args for plugin VolumeBinding: no "
            "kind \"VolumeBindingArgs\" is registered for version "
            "\"kubescheduler.config.k8s.io/v1beta3\" in scheme \"pkg/runtime/scheme.go:111\"");
  EXPECT_EQ(ArgsError("NodeAffinity",
                      "addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
                      "{nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Is}]}]}}"),
            args +
                "addedAffinity.requiredDuringSchedulingIgnoredDuringExecution."
                "nodeSelectorTerms[0].matchExpressions[0].operator: Unsupported value: \"Is\": "
                "supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\", \"Gt\", "
                "\"Lt\"");
  EXPECT_EQ(ArgsError("DynamicResources", "filterTimeout: -1s"),
            args + "filterTimeout: Invalid value: \"-1s\": must be zero or positive");
  EXPECT_EQ(ArgsError("DynamicResources", "filterTimeout: 0s"), "");
  EXPECT_EQ(ArgsError("DynamicResources", "bindingTimeout: 600s"),
            args + "bindingTimeout: Forbidden: DRADeviceBindingConditions or "
                   "DRAResourceClaimDeviceStatus feature gate is disabled");
}

// Below the first level, too.
TEST_F(SchedulerProfilesTest, NothingThatWasAskedForIsPassedOver) {
  EXPECT_THAT(ArgsError("NodeResourcesFit", "scoringStrategy: {typ: MostAllocated}"),
              HasSubstr("unknown field \"scoringStrategy.typ\""));
  EXPECT_THAT(ArgsError("NodeAffinity", "addedAffinity: {requiredDuringScheduling: {a: b}}"),
              HasSubstr("unknown field \"addedAffinity.requiredDuringScheduling\""));
  EXPECT_THAT(ArgsError("PodTopologySpread",
                        "defaultingType: List, defaultConstraints: [{maxSkw: 3, topologyKey: a, "
                        "whenUnsatisfiable: ScheduleAnyway}]"),
              HasSubstr("maxSkw"));
  EXPECT_THAT(Error("{pluginConfig: [{name: VolumeBinding, arg: {a: 1}}]}"),
              HasSubstr("unknown field \"profiles[0].pluginConfig[0].arg\""));
  EXPECT_THAT(Error("{plugins: {score: {enabled: [{name: ImageLocality, wieght: 5}]}}}"),
              HasSubstr("unknown field \"profiles[0].plugins.score.enabled[0].wieght\""));
  EXPECT_THAT(ArgsError("VolumeBinding", "kind: NodeAffinityArgs"),
              HasSubstr("were not of type VolumeBindingArgs.kubescheduler.config.k8s.io"));
  EXPECT_EQ(Error("{pluginConfig: [{name: VolumeBinding}, {name: VolumeBinding}]}"),
            "profiles[0].pluginConfig[1]: Duplicate value: \"VolumeBinding\"");
  EXPECT_EQ(ArgsError("VolumeBinding", "bindTimeoutSeconds: 99999999999"), "");
  EXPECT_THAT(ArgsError("VolumeBinding", "bindTimeoutSeconds: 18446744073709551016"),
              HasSubstr("bindTimeoutSeconds: must be a number of 64 bits"));
  EXPECT_THAT(ArgsError("NodeResourcesFit",
                        "scoringStrategy: {resources: [{name: cpu, weight: "
                        "18446744073709551615}]}"),
              HasSubstr("weight: must be a number of 32 bits"));
  EXPECT_THAT(ArgsError("NodeResourcesFit",
                        "scoringStrategy: {type: LeastAllocated, "
                        "requestedToCapacityRatio: {shape: [{utilization: 900, "
                        "score: 1}]}}"),
              HasSubstr("not in valid range [0, 100]"));
}

TEST_F(SchedulerProfilesTest, ArgumentsForAPluginThatTakesNoneAreSaid) {
  Get("{pluginConfig: [{name: Mine, args: {a: 1}}]}");
  EXPECT_THAT(unused_, ElementsAre("profiles[0].pluginConfig[0] of the configuration file has no "
                                   "effect: no plugin \"Mine\" takes arguments here"));
}

}  // namespace
}  // namespace skiff
