// The plugins that are off unless somebody asks for them.
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/identity/caches.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class OptionalPluginTest : public ServerFixture {
 protected:
  void Enable(const std::string& plugin) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    auto made = ApiServer::Create({.authorization_modes = {"RBAC"},
                                   .token_file_text = kTokens,
                                   .advertise_address = "192.0.2.7",
                                   .enabled_admission_plugins = {plugin}},
                                  {*store_, clock_, random_});
    ASSERT_TRUE(made) << made.error().message;
    server_ = std::move(*made);
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  static Json Pod(const std::string& name, Json spec = Json::object()) {
    Json whole = {{"containers", {{{"name", "c"}, {"image", "i:1"}}}}};
    whole.merge_patch(spec);
    return {{"metadata", {{"name", name}}}, {"spec", std::move(whole)}};
  }

  static constexpr const char* kPods = "/api/v1/namespaces/default/pods";
};

TEST_F(OptionalPluginTest, AlwaysPullImagesPullsAlways) {
  Enable("AlwaysPullImages");
  Json pod = Pod("p", {{"initContainers", {{{"name", "i"}, {"image", "i:2"}}}}});
  pod["spec"]["containers"][0]["imagePullPolicy"] = "Never";
  const auto made = Post(kPods, pod.dump());
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["containers"][0]["imagePullPolicy"], "Always");
  EXPECT_EQ(made.body["spec"]["initContainers"][0]["imagePullPolicy"], "Always");
}

// As after a webhook that changed them back.
TEST_F(OptionalPluginTest, AlwaysPullImagesNamesAllThatIsNotPulledInARefusalOfNoKind) {
  Caches caches(*store_);
  AlwaysAllow everybody;
  const auto plugin = MakeAlwaysPullImages({.store = *store_,
                                            .caches = caches,
                                            .authorizer = everybody,
                                            .clock = clock_,
                                            .random = random_});
  Json pod = Pod("p", {{"volumes", {{{"name", "v"}, {"image", {{"pullPolicy", "Never"}}}}}}});
  pod["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent";
  auto object = Object::FromDocument(core_v1::Pod::Info(), pod);
  ASSERT_TRUE(object) << object.error().message;
  const User user = {};
  std::vector<std::string> warnings;
  const AdmissionRequest request{.operation = Operation::kCreate,
                                 .kind = core_v1::Pod::Info(),
                                 .name = "p",
                                 .user = user,
                                 .object = &*object,
                                 .warnings = warnings};
  const auto taken = dynamic_cast<Validates&>(*plugin).Validate(request);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().reason, Reason::kUnknown);
  EXPECT_EQ(taken.error().message,
            "[pods \"p\" is forbidden: spec.containers[0].imagePullPolicy: Unsupported value: "
            "\"IfNotPresent\": supported values: \"Always\", pods \"p\" is forbidden: "
            "spec.volumes[0].image.pullPolicy: Unsupported value: \"Never\": supported values: "
            "\"Always\"]");
}

TEST_F(OptionalPluginTest, DenyServiceExternalIpsLeavesWhatIsThere) {
  const std::string services = "/api/v1/namespaces/default/services";
  const Json service = {
      {"metadata", {{"name", "old"}}},
      {"spec", {{"ports", {{{"port", 80}}}}, {"externalIPs", {"192.0.2.1", "192.0.2.2"}}}}};
  ASSERT_EQ(Post(services, service.dump()).code, 201);
  Enable("DenyServiceExternalIPs");
  EXPECT_EQ(Merge(services + "/old", R"({"spec": {"externalIPs": ["192.0.2.2"]}})").code, 200);
  const auto changed = Merge(services + "/old", R"({"spec": {"externalIPs": ["192.0.2.3"]}})");
  EXPECT_EQ(changed.code, 403);
  EXPECT_EQ(changed.message(),
            "services \"old\" is forbidden: Use of external IPs is denied by admission control");
  Json other = service;
  other["metadata"]["name"] = "new";
  EXPECT_EQ(Post(services, other.dump()).code, 403);
}

TEST_F(OptionalPluginTest, PodsKeepOthersFromTheirNodeAlone) {
  Enable("LimitPodHardAntiAffinityTopology");
  const auto pod = [](const std::string& topology) {
    const Json term = {{"topologyKey", topology},
                       {"labelSelector", {{"matchLabels", {{"a", "b"}}}}}};
    return Pod("p", {{"affinity",
                      {{"podAntiAffinity",
                        {{"requiredDuringSchedulingIgnoredDuringExecution", {term}}}}}}})
        .dump();
  };
  const auto refused = Post(kPods, pod("topology.kubernetes.io/zone"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "pods \"p\" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has "
            "TopologyKey topology.kubernetes.io/zone but only key kubernetes.io/hostname is "
            "allowed");
  EXPECT_EQ(Post(kPods, pod("kubernetes.io/hostname")).code, 201);
}

TEST_F(OptionalPluginTest, WhoAsksForADeviceToleratesItsTaint) {
  Enable("ExtendedResourceToleration");
  Json pod = Pod("p");
  pod["spec"]["containers"][0]["resources"] = {
      {"limits", {{"example.com/gpu", "1"}, {"cpu", "1"}}}};
  const auto made = Post(kPods, pod.dump());
  ASSERT_EQ(made.code, 201) << made.message();
  size_t count = 0;
  for (const Json& each : made.body["spec"]["tolerations"]) {
    if (each["key"] != "example.com/gpu") continue;
    ++count;
    EXPECT_EQ(each["operator"], "Exists");
    EXPECT_EQ(each["effect"], "NoSchedule");
  }
  EXPECT_EQ(count, 1u) << made.body["spec"]["tolerations"];
}

TEST_F(OptionalPluginTest, NothingIsWrittenWhereThereIsNoNamespace) {
  Enable("NamespaceExists");
  const auto refused = Post("/api/v1/namespaces/none/configmaps", R"({"metadata": {"name": "a"}})");
  EXPECT_EQ(refused.code, 404);
  EXPECT_EQ(refused.message(), "namespaces \"none\" not found");
  EXPECT_EQ(Ask("DELETE", "/api/v1/namespaces/none/configmaps").code, 200) << "of nothing";
}

TEST_F(OptionalPluginTest, OwnersAreNamedByWhoHasASayInThem) {
  Enable("OwnerReferencesPermissionEnforcement");
  Post("/apis/rbac.authorization.k8s.io/v1/clusterroles",
       R"({"metadata": {"name": "writer"}, "rules": [{"apiGroups": [""],
           "resources": ["configmaps"], "verbs": ["create", "get", "patch", "update"]}]})");
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
       R"({"metadata": {"name": "writer"}, "subjects": [{"kind": "User", "name": "alice",
           "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {"kind": "ClusterRole",
           "name": "writer", "apiGroup": "rbac.authorization.k8s.io"}})");
  Settle();
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  const auto owned = [](const std::string& name, const std::string& kind, bool blocks) {
    return Json{{"metadata",
                 {{"name", name},
                  {"ownerReferences",
                   {{{"apiVersion", "v1"},
                     {"kind", kind},
                     {"name", "owner"},
                     {"uid", "u"},
                     {"blockOwnerDeletion", blocks}}}}}}}
        .dump();
  };
  EXPECT_EQ(Ask("POST", maps, owned("a", "ConfigMap", false), "", "alice").code, 201)
      << "of what is new anybody may say so";
  const auto blocking = Ask("POST", maps, owned("b", "ConfigMap", true), "", "alice");
  EXPECT_EQ(blocking.code, 403);
  EXPECT_EQ(blocking.message(),
            "configmaps \"b\" is forbidden: cannot set blockOwnerDeletion if an ownerReference "
            "refers to a resource you can't set finalizers on: , <nil>");
  const auto unknown = Ask("POST", maps, owned("b", "Thing", true), "", "alice");
  EXPECT_EQ(unknown.code, 403);
  EXPECT_NE(unknown.message().find("cannot find RESTMapping for APIVersion v1 Kind Thing"),
            std::string::npos)
      << unknown.message();
  EXPECT_EQ(Post(maps, owned("b", "ConfigMap", true)).code, 201) << "the administrator may";
  const auto freed = Ask("PUT", maps + "/a", R"({"metadata": {"name": "a"}})", "", "alice");
  EXPECT_EQ(freed.code, 403);
  EXPECT_EQ(freed.message(),
            "configmaps \"a\" is forbidden: cannot set an ownerRef on a resource you can't "
            "delete: , <nil>");
  ASSERT_EQ(Ask("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/writer",
                R"([{"op": "add", "path": "/rules/-", "value": {"apiGroups": ["*"],
                     "resources": ["*/finalizers"], "verbs": ["update"]}}])",
                "application/json-patch+json")
                .code,
            200);
  Settle();
  EXPECT_EQ(Ask("POST", maps, owned("c", "Thing", true), "", "alice").code, 201)
      << "who may do so with anything need not name what there is";
}

}  // namespace
}  // namespace skiff
