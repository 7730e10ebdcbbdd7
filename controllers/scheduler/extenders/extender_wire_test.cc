#include "controllers/scheduler/extenders/extender_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "controllers/scheduler/extenders/extender_options.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

NodePtr ExtenderTestNode(const std::string& name) {
  auto node = std::make_shared<core_v1::Node>();
  node->metadata.name = name;
  return node;
}

std::string FilterError(std::string_view text) {
  const auto answer = ReadFilterAnswer(text);
  return answer ? "" : answer.error().message;
}

TEST(ExtenderWireTest, NodesAreSentWholeOrByName) {
  const PodInfoPtr pod = PodOf("p", 1, "1");
  const std::vector<NodePtr> nodes = {ExtenderTestNode("a"), ExtenderTestNode("b")};
  const Json whole = *ParseJson(NodesQuestion(*pod->pod, nodes, false));
  EXPECT_EQ(whole["Pod"]["metadata"]["name"], "p");
  EXPECT_EQ(whole["Nodes"]["items"].size(), 2u);
  EXPECT_EQ(whole["Nodes"]["items"][1]["metadata"]["name"], "b");
  EXPECT_TRUE(whole["NodeNames"].is_null());
  const Json names = *ParseJson(NodesQuestion(*pod->pod, nodes, true));
  EXPECT_TRUE(names["Nodes"].is_null());
  EXPECT_EQ(names["NodeNames"], Json({"a", "b"}));
}

TEST(ExtenderWireTest, VictimsAreSentWholeOrByUid) {
  const PodInfoPtr pod = PodOf("p", 9, "1");
  const std::vector<Victims> candidates = {{"a", {PodOf("low", 1, "1")}, 2}};
  const Json whole = *ParseJson(PreemptionQuestion(*pod->pod, candidates, false));
  EXPECT_EQ(whole["NodeNameToVictims"]["a"]["Pods"][0]["metadata"]["name"], "low");
  EXPECT_EQ(whole["NodeNameToVictims"]["a"]["NumPDBViolations"], 2);
  EXPECT_TRUE(whole["NodeNameToMetaVictims"].is_null());
  const Json uids = *ParseJson(PreemptionQuestion(*pod->pod, candidates, true));
  EXPECT_TRUE(uids["NodeNameToVictims"].is_null());
  EXPECT_EQ(uids["NodeNameToMetaVictims"],
            Json({{"a", {{"Pods", {{{"UID", "low"}}}}, {"NumPDBViolations", 2}}}}));
}

TEST(ExtenderWireTest, ABindingIsSentByNames) {
  EXPECT_EQ(*ParseJson(BindingQuestion(*PodOf("p", 1, "1")->pod, "a")),
            Json({{"PodName", "p"}, {"PodNamespace", "default"}, {"PodUID", "p"}, {"Node", "a"}}));
}

TEST(ExtenderWireTest, AFilterAnswerIsReadWhateverTheCaseOfItsFields) {
  const auto answer = ReadFilterAnswer(R"({
    "nodes": {"kind": "NodeList", "items": [{"spec": {"x": [1]}, "metadata": {"name": "a"}}, {}]},
    "NodeNames": ["b", "c"],
    "failedNodes": {"d": "full"}, "FAILEDANDUNRESOLVABLENODES": {"e": "never"},
    "more": [{"deep": [[[]]]}], "Error": ""} and what stands behind it)");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(*answer->nodes, ElementsAre("a", ""));
  EXPECT_THAT(*answer->node_names, ElementsAre("b", "c"));
  EXPECT_THAT(answer->failed, ElementsAre(Pair("d", "full")));
  EXPECT_THAT(answer->failed_and_unresolvable, ElementsAre(Pair("e", "never")));
}

TEST(ExtenderWireTest, WhatIsNullIsNotThere) {
  const auto answer =
      ReadFilterAnswer(R"({"Nodes": null, "NodeNames": null, "FailedNodes": null})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_FALSE(answer->nodes);
  EXPECT_FALSE(answer->node_names);
  EXPECT_TRUE(ReadFilterAnswer("null"));
}

TEST(ExtenderWireTest, WhatIsNoAnswerIsRefused) {
  EXPECT_EQ(FilterError(""), "EOF");
  EXPECT_THAT(FilterError("<html>"), HasSubstr("invalid character '<'"));
  EXPECT_THAT(FilterError("{\"NodeNames\": [\"a\""), HasSubstr("unexpected end of JSON input"));
  EXPECT_THAT(FilterError("[]"), HasSubstr("cannot unmarshal array"));
  EXPECT_THAT(FilterError(R"({"NodeNames": [1]})"), HasSubstr("cannot unmarshal number"));
  EXPECT_THAT(FilterError(R"({"FailedNodes": []})"), HasSubstr("cannot unmarshal array"));
  EXPECT_FALSE(ReadPriorities(R"([{"Host": "a", "Score": 1.5}])"));
  EXPECT_FALSE(ReadPriorities(R"({"Host": "a"})"));
}

TEST(ExtenderWireTest, LongTextsAndEndlessListsAreNotKept) {
  const auto answer =
      ReadFilterAnswer(R"({"FailedNodes": {"a": ")" + std::string(100'000, 'x') + "\"}}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->failed.at("a").size(), kExtenderTextBytesMax);
  std::string names = "{\"NodeNames\": [\"\"";
  for (size_t i = 0; i < kExtenderItemsMax; ++i) names += ",\"\"";
  EXPECT_THAT(FilterError(names + "]}"), HasSubstr("the answer has more than 100000"));
  EXPECT_THAT(FilterError("{\"x\": " + std::string(1'000'000, '[')),
              HasSubstr("exceeded max depth"));
}

TEST(ExtenderWireTest, PrioritiesOfANodeAreAddedUp) {
  const auto scores = ReadPriorities(
      R"([{"Host": "a", "Score": 3}, {"host": "b", "score": -1}, {"Host": "a", "Score": 4}])");
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_THAT(*scores, ElementsAre(Pair("a", 7), Pair("b", -1)));
  EXPECT_TRUE(ReadPriorities("null")->empty());
}

TEST(ExtenderWireTest, VictimsAreReadByUid) {
  const auto nodes = ReadPreemptionAnswer(R"({"NodeNameToMetaVictims": {
    "a": {"Pods": [{"UID": "1"}, {"uid": "2"}], "NumPDBViolations": 1}, "b": null}})");
  ASSERT_TRUE(nodes) << nodes.error().message;
  EXPECT_THAT(nodes->at("a").uids, ElementsAre("1", "2"));
  EXPECT_EQ(nodes->at("a").budget_violations, 1);
  EXPECT_TRUE(nodes->at("b").uids.empty());
  EXPECT_EQ(*ReadBindingAnswer(R"({"Error": "no"})"), "no");
  EXPECT_EQ(*ReadBindingAnswer("{}"), "");
}

TEST(ExtenderOptionsTest, AnExtenderIsInterestedInPodsThatWantItsResources) {
  ExtenderOptions options;
  EXPECT_TRUE(options.IsInterestedIn(*PodOf("p", 1, "1")->pod));
  options.managed_resources = {"example.com/gpu"};
  EXPECT_FALSE(options.IsInterestedIn(*PodOf("p", 1, "1")->pod));
  const auto in = [&](auto place) {
    return PodOf("p", 1, "1",
                 [&](core_v1::Pod& pod) { place(pod)["example.com/gpu"] = Quantity::FromValue(1); })
        ->pod;
  };
  using core_v1::Pod;
  const auto request = [](Pod & pod) -> auto& {
    return pod.spec.containers[0].resources.requests;
  };
  const auto limit = [](Pod & pod) -> auto& {
    return pod.spec.containers[0].resources.limits;
  };
  const auto init = [](Pod & pod) -> auto& {
    return pod.spec.init_containers.emplace_back().resources.limits;
  };
  EXPECT_TRUE(options.IsInterestedIn(*in(request)));
  EXPECT_TRUE(options.IsInterestedIn(*in(limit)));
  EXPECT_TRUE(options.IsInterestedIn(*in(init)));
}

}  // namespace
}  // namespace skiff::scheduler
