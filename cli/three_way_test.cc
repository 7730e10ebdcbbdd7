#include "cli/three_way.h"

#include <gtest/gtest.h>

#include "api/patch/strategic_merge.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

const Type* DeploymentType() {
  return FindBuiltInType("apps/v1", "Deployment");
}

Json Containers(const char* containers) {
  return {{"spec", {{"template", {{"spec", {{"containers", Json::parse(containers)}}}}}}}};
}

TEST(ThreeWayPatchTest, IsEmptyWhenTheLiveObjectFollowsTheFile) {
  const Json file = Containers(R"([{"name": "a", "image": "a:1"}])");
  const Json live =
      Containers(R"([{"name": "a", "image": "a:1", "terminationMessagePath": "/x"}])");
  EXPECT_EQ(ThreeWayPatch(DeploymentType(), file, file, live), Json::object());
}

TEST(ThreeWayPatchTest, ChangesOneContainerByItsName) {
  const Json old = Containers(R"([{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}])");
  const Json fresh =
      Containers(R"([{"name": "a", "image": "a:2"}, {"name": "b", "image": "b:1"}])");
  const Json expected = Json::parse(R"({"spec": {"template": {"spec": {
      "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
      "containers": [{"name": "a", "image": "a:2"}]}}}})");
  EXPECT_EQ(ThreeWayPatch(DeploymentType(), old, fresh, old), expected);
}

TEST(ThreeWayPatchTest, TakesOutWhatTheFileDroppedAndKeepsWhatOthersAdded) {
  const Json applied = Containers(R"([{"name": "a"}, {"name": "b"}])");
  const Json fresh = Containers(R"([{"name": "a"}])");
  Json live = Containers(R"([{"name": "a"}, {"name": "b"}, {"name": "injected"}])");
  const Json patch = ThreeWayPatch(DeploymentType(), applied, fresh, live);
  const auto result = ApplyStrategicPatch(*DeploymentType(), live, patch);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(*result, Containers(R"([{"name": "a"}, {"name": "injected"}])"));
}

// A volume is of one kind alone, and a strategy has the members of its type.
TEST(ThreeWayPatchTest, OfAMapOfOneKindTheServerKeepsWhatTheFileHas) {
  const auto volumes = [](const char* text) {
    return Json{{"spec", {{"template", {{"spec", {{"volumes", Json::parse(text)}}}}}}}};
  };
  const Json live = volumes(R"([{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}])");
  const Json file = volumes(R"([{"name": "v", "hostPath": {"path": "/x"}}])");
  const Json patch = ThreeWayPatch(DeploymentType(), Json::object(), file, live);
  EXPECT_EQ(At(patch, "spec", "template", "spec", "volumes"),
            Json::parse(R"([{"name": "v", "hostPath": {"path": "/x"},
                             "$retainKeys": ["hostPath", "name"]}])"));
  const auto result = ApplyStrategicPatch(*DeploymentType(), live, patch);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(*result, file);
  EXPECT_EQ(ThreeWayPatch(DeploymentType(), file, file, file), Json::object());
  // What the server has filled in beside it makes a patch each time, as kubectl's.
  const Json typed = {{"spec", {{"strategy", {{"type", "RollingUpdate"}}}}}};
  Json filled = typed;
  filled["spec"]["strategy"]["rollingUpdate"] = {{"maxSurge", 1}};
  EXPECT_EQ(ThreeWayPatch(DeploymentType(), typed, typed, filled),
            Json::parse(R"({"spec": {"strategy": {"$retainKeys": ["type"]}}})"));
}

// Names and ports of a Service, and what it has of them after an apply over `live`.
std::string PortsAfter(const Json& applied, const Json& file, const Json& live) {
  const Type* type = FindBuiltInType("v1", "Service");
  const auto spec = [](const Json& ports) { return Json{{"spec", {{"ports", ports}}}}; };
  const Json patch = ThreeWayPatch(type, spec(applied), spec(file), spec(live));
  if (patch.empty()) return "as it is";
  const auto result = ApplyStrategicPatch(*type, spec(live), patch);
  return result ? At(*result, "spec", "ports").dump() : result.error().message;
}

// By UDP and TCP a server of names has the same port.
TEST(ThreeWayPatchTest, ItemsOfTheSameKeyAreToldApartByTheirOthers) {
  const Json udp = {{"name", "dns"}, {"port", 53}, {"protocol", "UDP"}};
  const Json tcp = {{"name", "dns-tcp"}, {"port", 53}};  // As TCP is by default.
  const Json live = Json::parse(R"([
      {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53, "nodePort": 30001},
      {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53, "nodePort": 30002}])");
  const Json file = Json::array({udp, tcp});
  EXPECT_EQ(PortsAfter(file, file, live), "as it is");
  Json moved = tcp;
  moved["targetPort"] = 5353;
  EXPECT_EQ(PortsAfter(file, Json::array({udp, moved}), live),
            R"([{"name":"dns","nodePort":30001,"port":53,"protocol":"UDP","targetPort":53},)"
            R"({"name":"dns-tcp","nodePort":30002,"port":53,"protocol":"TCP","targetPort":5353}])");
  EXPECT_EQ(PortsAfter(file, Json::array({udp}), live),
            R"([{"name":"dns","nodePort":30001,"port":53,"protocol":"UDP","targetPort":53}])");
  EXPECT_EQ(PortsAfter(file, Json::array({tcp, udp}), live),
            R"([{"name":"dns-tcp","nodePort":30002,"port":53,"protocol":"TCP","targetPort":53},)"
            R"({"name":"dns","nodePort":30001,"port":53,"protocol":"UDP","targetPort":53}])");
  // What somebody else has added stays.
  EXPECT_EQ(PortsAfter(Json::array({udp}), Json::array({udp}), live), "as it is");
}

TEST(ThreeWayPatchTest, RemovesMembersThatOnlyTheLastAppliedFormHad) {
  const Json applied = {{"data", {{"a", "1"}, {"b", "2"}}}};
  const Json fresh = {{"data", {{"a", "1"}}}};
  const Json live = {{"data", {{"a", "1"}, {"b", "2"}, {"c", "3"}}}};
  EXPECT_EQ(ThreeWayPatch(nullptr, applied, fresh, live), (Json{{"data", {{"b", nullptr}}}}));
}

TEST(ThreeWayPatchTest, ANullOfAnUnknownKindIsTakenOutOnce) {
  const Json file = Json::parse(R"({"spec": {"a": null}})");
  const Json live = Json::parse(R"({"spec": {"a": "x", "b": 1}})");
  EXPECT_EQ(ThreeWayPatch(nullptr, Json(), file, live), file);
  EXPECT_EQ(ThreeWayPatch(nullptr, Json::parse(R"({"spec": {"a": "x"}})"), file, live), file);
  EXPECT_EQ(ThreeWayPatch(nullptr, Json(), file, file), file) << "it is kept as null";
  EXPECT_EQ(ThreeWayPatch(nullptr, file, file, live), Json::object())
      << "somebody else has set it since";
}

TEST(ThreeWayPatchTest, ReplacesListsOfUnknownKinds) {
  const Json live = {{"list", {1, 2}}};
  const Json fresh = {{"list", {2}}};
  EXPECT_EQ(ThreeWayPatch(nullptr, live, fresh, live), fresh);
}

TEST(ThreeWayPatchTest, WhatOthersHaveChangedIsKnown) {
  const auto deployment = [](int replicas, const char* image) {
    Json object = Containers(R"([{"name": "a"}, {"name": "b", "image": "b:1"}])");
    object["spec"]["replicas"] = replicas;
    object["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    return object;
  };
  const auto overwrites = [](const Json& original, const Json& modified, const Json& current) {
    const Json patch = ThreeWayPatch(DeploymentType(), original, modified, current);
    return OverwritesChanges(*DeploymentType(), patch, original, current);
  };
  const Json applied = deployment(1, "a:1");
  EXPECT_FALSE(overwrites(applied, deployment(2, "a:2"), applied)) << "nobody has";
  EXPECT_FALSE(overwrites(applied, deployment(1, "a:2"), deployment(1, "a:2"))) << "the same";
  EXPECT_TRUE(overwrites(applied, deployment(2, "a:1"), deployment(3, "a:1")));
  EXPECT_TRUE(overwrites(applied, deployment(1, "a:2"), deployment(1, "a:3")));
  Json scaled = deployment(3, "a:1");
  scaled["status"]["replicas"] = 3;
  Json unsaid = applied;
  unsaid["spec"].erase("replicas");
  EXPECT_FALSE(overwrites(unsaid, unsaid, scaled)) << "what the file does not say is others'";
  EXPECT_TRUE(overwrites(applied, unsaid, scaled)) << "it goes, and was another";
}

TEST(ThreeWayPatchTest, OfPortsOfOneNumberEachIsComparedWithItself) {
  const auto named = [](const char* tcp, const char* udp) {
    Json object = Containers(R"([{"name": "a"}])");
    object["spec"]["template"]["spec"]["containers"][0]["ports"] =
        Json::array({{{"containerPort", 53}, {"name", tcp}, {"protocol", "TCP"}},
                     {{"containerPort", 53}, {"name", udp}, {"protocol", "UDP"}}});
    return object;
  };
  const auto overwrites = [](const Json& original, const Json& modified, const Json& current) {
    const Json patch = ThreeWayPatch(DeploymentType(), original, modified, current);
    return OverwritesChanges(*DeploymentType(), patch, original, current);
  };
  const Json applied = named("tcp", "udp");
  EXPECT_TRUE(overwrites(applied, named("tcp", "file"), named("tcp", "other")));
  EXPECT_FALSE(overwrites(applied, named("both", "file"), named("both", "udp")));
  EXPECT_FALSE(overwrites(applied, named("tcp", "file"), applied));
}

}  // namespace
}  // namespace skiff::cli
