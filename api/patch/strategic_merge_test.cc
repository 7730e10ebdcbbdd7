#include "api/patch/strategic_merge.h"

#include <gtest/gtest.h>

#include <ctime>

#include "api/codec/json.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"

namespace skiff {
namespace {

template <typename T>
std::string Patched(std::string_view document, std::string_view patch) {
  const auto result = ApplyStrategicPatch(T::Describe(), *ParseJson(document), *ParseJson(patch));
  return result ? DumpJson(*result) : result.error().message;
}

std::string PodPatched(const std::string& spec, const std::string& patch) {
  return Patched<core_v1::Pod>("{\"spec\":" + spec + "}", "{\"spec\":" + patch + "}");
}
std::string SpecOf(const std::string& spec) {
  return "{\"spec\":" + DumpJson(*ParseJson(spec)) + "}";
}

TEST(StrategicMerge, ContainersMergeByNameAndNewOnesStandByThePatch) {
  EXPECT_EQ(
      PodPatched(R"({"containers":[{"image":"i1","name":"c1","stdin":true},{"name":"c2"}]})",
                 R"({"containers":[{"name":"c1","image":"new"},{"name":"c3","image":"i3"}]})"),
      SpecOf(R"({"containers":[{"image":"new","name":"c1","stdin":true},
                       {"image":"i3","name":"c3"},{"name":"c2"}]})"));
}

TEST(StrategicMerge, ItemsOfTheServerKeepTheirPlaceInFront) {
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"c","volumeMounts":[{"mountPath":"/a"},
                          {"mountPath":"/b"}]}]})",
                       R"({"containers":[{"name":"c","volumeMounts":[
                          {"mountPath":"/b","readOnly":true},{"mountPath":"/c"}]}]})"),
            SpecOf(R"({"containers":[{"name":"c","volumeMounts":[{"mountPath":"/a"},
                       {"mountPath":"/b","readOnly":true},{"mountPath":"/c"}]}]})"));
  EXPECT_EQ(
      PodPatched(R"({"volumes":[{"name":"v1"},{"name":"v2"}]})", R"({"volumes":[{"name":"vn"}]})"),
      SpecOf(R"({"volumes":[{"name":"vn"},{"name":"v1"},{"name":"v2"}]})"));
}

// As kube-apiserver v1.35.6 was seen to: an empty order sorts, and what is new comes last then.
TEST(StrategicMerge, AnEmptyOrderPutsWhatIsNewLast) {
  EXPECT_EQ(PodPatched(R"({"volumes":[{"name":"v1"},{"name":"v2"}]})",
                       R"({"volumes":[{"name":"vn"}],"$setElementOrder/volumes":[]})"),
            SpecOf(R"({"volumes":[{"name":"v1"},{"name":"v2"},{"name":"vn"}]})"));
}

TEST(StrategicMerge, LongListsAreNotMergedForEachTimeAnItemIsGiven) {
  Json env = Json::array();
  for (int i = 0; i < 30000; ++i) env.push_back({{"name", "e" + std::to_string(i)}});
  const Json old = {{"name", "c"}, {"env", env}, {"args", Json(30000, "x")}};
  const Json pod = {{"spec", {{"containers", {old}}}}};
  const std::string refused =
      "Request entity too large: the patch merges the same lists too often";
  for (const char* item : {R"({"name": "c", "env": [{"name": "e1", "value": "2"}]})",
                           R"({"name": "c", "$setElementOrder/env": []})",
                           R"({"name": "c", "$deleteFromPrimitiveList/args": ["y"]})"}) {
    const std::vector<Json> items(20000, Json::parse(item));
    const Json patch = {{"spec", {{"containers", items}}}};
    const std::clock_t begin = std::clock();
    const auto patched = ApplyStrategicPatch(core_v1::Pod::Describe(), pod, patch);
    EXPECT_LT(std::clock() - begin, 20 * CLOCKS_PER_SEC);  // Ten minutes, were there no bound.
    ASSERT_FALSE(patched) << item;
    EXPECT_EQ(patched.error().reason, Reason::kRequestEntityTooLarge);
    EXPECT_EQ(patched.error().message, refused);
  }
}

TEST(StrategicMerge, NorAreListsOfLongTexts) {
  Json pod = Json::parse(
      R"({"spec": {"containers": [{"name": "c", "env": [{"name": "e1"}, {"name": "e2"}]}]}})");
  pod["spec"]["containers"][0]["env"][1]["value"] = std::string(size_t{1} << 20, 'x');
  const Json item = Json::parse(R"({"name": "c", "env": [{"name": "e1", "value": "2"}]})");
  const auto patched_with = [&](size_t items) {
    Json patch;
    patch["spec"]["containers"] = std::vector<Json>(items, item);
    return ApplyStrategicPatch(core_v1::Pod::Describe(), pod, patch);
  };
  EXPECT_TRUE(patched_with(100));
  const auto refused = patched_with(20000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kRequestEntityTooLarge);
}

TEST(StrategicMerge, ListsWithoutAStrategyAreReplaced) {
  EXPECT_EQ(PodPatched(R"({"tolerations":[{"key":"a"}],"containers":[{"name":"c","args":["x"]}]})",
                       R"({"tolerations":[{"key":"b"}],"containers":[{"name":"c","args":["y"]}]})"),
            SpecOf(R"({"containers":[{"args":["y"],"name":"c"}],"tolerations":[{"key":"b"}]})"));
}

TEST(StrategicMerge, PrimitivesFormAUnionAndCanBeDeleted) {
  EXPECT_EQ(Patched<core_v1::Pod>(R"({"metadata":{"finalizers":["a","b"]}})",
                                  R"({"metadata":{"finalizers":["c","a"]}})"),
            R"({"metadata":{"finalizers":["c","a","b"]}})");
  EXPECT_EQ(
      Patched<core_v1::Pod>(R"({"metadata":{"finalizers":["a","b"]}})",
                            R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a","z"]}})"),
      R"({"metadata":{"finalizers":["b"]}})");
}

TEST(StrategicMerge, DirectivesDeleteAndReplace) {
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"a"},{"name":"b"}]})",
                       R"({"containers":[{"name":"a","$patch":"delete"},
                          {"name":"ghost","$patch":"delete"}]})"),
            SpecOf(R"({"containers":[{"name":"b"}]})"));
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"a"},{"name":"b"}]})",
                       R"({"containers":[{"name":"only"},{"$patch":"replace"}]})"),
            SpecOf(R"({"containers":[{"name":"only"}]})"));
  EXPECT_EQ(PodPatched(R"({"nodeSelector":{"a":"1"},"securityContext":{"runAsUser":1}})",
                       R"({"nodeSelector":{"$patch":"replace","b":"2"},
                          "securityContext":{"$patch":"delete"}})"),
            SpecOf(R"({"nodeSelector":{"b":"2"},"securityContext":{}})"));
}

TEST(StrategicMerge, NullsDeleteAndMeanNothingInNewObjects) {
  EXPECT_EQ(PodPatched(R"({"nodeSelector":{"a":"1","b":"2"},"hostname":"h"})",
                       R"({"nodeSelector":{"a":null},"hostname":null,"subdomain":null,
                          "affinity":{"$patch":"merge","podAffinity":{}},
                          "dnsConfig":{"searches":null,"options":[{"name":"n","value":null}]}})"),
            SpecOf(R"({"dnsConfig":{"options":[{"name":"n"}]},"nodeSelector":{"b":"2"}})"));
}

TEST(StrategicMerge, AStructureMayBeReplacedAsAWhole) {
  EXPECT_EQ(Patched<policy_v1::PodDisruptionBudget>(
                R"({"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"a"}}}})",
                R"({"spec":{"selector":{"matchLabels":{"tier":"x"}}}})"),
            R"({"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"tier":"x"}}}})");
}

TEST(StrategicMerge, RetainKeysDropsTheOthers) {
  EXPECT_EQ(Patched<apps_v1::Deployment>(
                R"({"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}})",
                R"({"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}})"),
            R"({"spec":{"strategy":{"type":"Recreate"}}})");
  EXPECT_EQ(Patched<apps_v1::Deployment>(
                R"({"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}})",
                R"({"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate",)"
                R"("rollingUpdate":null}}})"),
            R"({"spec":{"strategy":{"type":"Recreate"}}})");
  for (const char* keys : {"[\"rollingUpdate\"]", "\"type\""}) {
    EXPECT_EQ(
        Patched<apps_v1::Deployment>(
            R"({"spec":{"strategy":{"type":"X"}}})",
            std::string(R"({"spec":{"strategy":{"type":"Recreate","$retainKeys":)") + keys + "}}}"),
        "invalid patch format of retainKeys");
  }
}

TEST(StrategicMerge, ElementOrderIsSet) {
  EXPECT_EQ(
      PodPatched(R"({"containers":[{"name":"c1"},{"name":"c3"}]})",
                 R"({"$setElementOrder/containers":[{"name":"c3"},{"name":"c9"},{"name":"c1"}],
                          "containers":[{"name":"c9","image":"i9"}]})"),
      SpecOf(R"({"containers":[{"name":"c3"},{"image":"i9","name":"c9"},{"name":"c1"}]})"));
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"c3"},{"name":"c9"},{"name":"c1","env":[
                          {"name":"B"},{"name":"D"},{"name":"C"}]}]})",
                       R"({"$setElementOrder/containers":[{"name":"c3"},{"name":"c1"}],
                          "containers":[{"name":"c1","$setElementOrder/env":[{"name":"D"},
                          {"name":"C"},{"name":"B"}],"env":[{"name":"D","value":"44"}]}]})"),
            SpecOf(R"({"containers":[{"name":"c3"},{"name":"c9"},{"env":[
                       {"name":"D","value":"44"},{"name":"C"},{"name":"B"}],"name":"c1"}]})"));
}

// As kube-apiserver v1.35.6 was seen to.
TEST(StrategicMerge, DirectivesInOtherPlacesDoAsInKubernetes) {
  // Where there was something of another type, what has "$patch" is nothing.
  EXPECT_EQ(PodPatched(R"({"hostname":"h","subdomain":"s"})",
                       R"({"hostname":{"$patch":"merge"},"subdomain":{"a":"b","c":null}})"),
            SpecOf(R"({"subdomain":{"a":"b"}})"));
  // Other directives are fields that nobody knows, where nothing can be merged.
  EXPECT_EQ(PodPatched("{}", R"({"nodeSelector":{"$retainKeys":["x"],"k":"v"}})"),
            SpecOf(R"({"nodeSelector":{"$retainKeys":["x"],"k":"v"}})"));
  // A new item is taken as it is.
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"a"}]})",
                       R"({"containers":[{"name":"b","ports":[{"$patch":"delete"}]}]})"),
            SpecOf(R"({"containers":[{"name":"b","ports":[{"$patch":"delete"}]},{"name":"a"}]})"));
}

TEST(StrategicMerge, AListOfMapsLosesNothingByValue) {
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"a"},{"name":"b"}]})",
                       R"({"$deleteFromPrimitiveList/containers":[{"name":"a","image":"i"}]})"),
            SpecOf(R"({"containers":[{"image":"i","name":"a"},{"name":"b"}]})"));
  EXPECT_EQ(PodPatched(R"({"tolerations":[{"key":"a"}]})",
                       R"({"$deleteFromPrimitiveList/tolerations":[{"key":"a"}]})"),
            "cannot merge lists without merge key for struct");
  EXPECT_EQ(PodPatched(R"({"hostname":"h"})", R"({"$deleteFromPrimitiveList/hostname":null})"),
            SpecOf("{}"));
  EXPECT_EQ(Patched<core_v1::Pod>(R"({"metadata":{"finalizers":["a"]}})",
                                  R"({"metadata":{"$deleteFromPrimitiveList/finalizers":[true]}})"),
            "list element types are not identical: [[a] [true]]");
}

TEST(StrategicMerge, NothingIsPutInOrderBehindAnEmptyList) {
  EXPECT_EQ(PodPatched(R"({"containers":[{"name":"a"}]})",
                       R"({"$setElementOrder/containers":[],
                          "containers":[{"name":"a","image":"i"}]})"),
            SpecOf(R"({"containers":[{"image":"i","name":"a"}]})"));
}

TEST(StrategicMerge, MistakesAreToldAsKubernetesTellsThem) {
  const char* live = R"({"containers":[{"name":"only"}]})";
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":[{"name":"c3"}],
                                "containers":[{"name":"c1","image":"zz"}]})"),
            "The order in patch list:\n[map[image:zz name:c1]]\n doesn't match $setElementOrder "
            "list:\n[map[name:c3]]\n");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":[{"name":"c1"}],
                               "containers":[{"name":"c1"},{"$patch":"replace"}]})"),
            "The order in patch list:\n[map[name:c1] map[$patch:replace]]\n doesn't match "
            "$setElementOrder list:\n[map[name:c1]]\n");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":"x"})"),
            "expected a []interface {}, but received a string");
  EXPECT_EQ(PodPatched(live, R"({"containers":[{"image":"nokey"}]})"),
            "map: map[image:nokey] does not contain declared merge key: name");
  EXPECT_EQ(PodPatched(R"({"nodeSelector":{}})", R"({"nodeSelector":{"$patch":"explode"}})"),
            "unknown patch type: explode in map: map[$patch:explode]");
  EXPECT_EQ(PodPatched(live, R"({"containers":[{"$patch":"explode","name":"only"}]})"),
            "unknown patch type: explode in map: map[$patch:explode name:only]");
  EXPECT_EQ(PodPatched(live, R"({"containers":["c1"]})"),
            "list element types are not identical: [[map[name:only]] [c1]]");
  EXPECT_EQ(PodPatched(live, R"({"securityContext":{"$patch":"merge"},"$patch":"merge"})"),
            "unknown patch type: merge in map: map[$patch:merge "
            "securityContext:map[$patch:merge]]");
  EXPECT_EQ(PodPatched(live, R"({"$patch":5})"),
            "unknown patch type: %!s(int64=5) in map: map[$patch:5]");
  EXPECT_EQ(PodPatched(live, R"({"containers":[{"$patch":"delete"}]})"),
            "map: map[$patch:delete] does not contain declared merge key: name");
  EXPECT_EQ(PodPatched(live, R"({"containers":[{"name":"a"},{"$patch":"replace"},{"image":"b"}]})"),
            "map: map[image:b] does not contain declared merge key: name");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":[{"name":"only"}],
                                "containers":[5]})"),
            "expected a map[string]interface {}, but received a int64");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":"x","containers":{}})"),
            "expected a []interface {}, but received a string");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":[5]})"),
            "value for key 0 is not a map");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/containers":[{"name":"other"},null]})"),
            "value for key 1 is not a map");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/zzz":[]})"),
            "unable to find api field in struct PodSpec for the json field \"zzz\"");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/nodeSelector":[]})"),
            "expected slice or array type, but got: struct");
  EXPECT_EQ(PodPatched(live, R"({"$setElementOrder/hostUsers":[]})"), SpecOf(live));
  EXPECT_EQ(PodPatched(R"({"topologySpreadConstraints":[],"tolerations":[{"key":"a"}]})",
                       R"({"$setElementOrder/tolerations":[],"tolerations":[]})"),
            "map: map[key:a] does not contain declared merge key: ");
}

}  // namespace
}  // namespace skiff
