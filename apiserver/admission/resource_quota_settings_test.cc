#include "apiserver/admission/resource_quota_settings.h"

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr const char* kLimits = R"(apiVersion: apiserver.config.k8s.io/v1
kind: ResourceQuotaConfiguration
limitedResources:
- resource: pods
  matchScopes:
  - {scopeName: PriorityClass, operator: In, values: [urgent]}
- resource: persistentvolumeclaims
  matchContains: [gold.storageclass.storage.k8s.io/]
)";

// A server where some things are limited by default.
class LimitedByDefaultTest : public ServerFixture {
 protected:
  LimitedByDefaultTest() {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    ApiServerOptions options{.authorization_modes = {"RBAC"},
                             .token_file_text = kTokens,
                             .advertise_address = "192.0.2.7"};
    options.admission_settings.resource_quota = *ReadResourceQuotaSettings(kLimits);
    server_ = *ApiServer::Create(std::move(options), {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Post("/apis/scheduling.k8s.io/v1/priorityclasses",
         R"({"metadata": {"name": "urgent"}, "value": 9})");
    Settle();
  }
  Answer MakePod(const std::string& name, const std::string& priority) {
    return Post("/api/v1/namespaces/default/pods",
                R"({"metadata": {"name": ")" + name + R"("}, "spec": {"priorityClassName": ")" +
                    priority + R"(", "containers": [{"name": "c", "image": "i"}]}})");
  }
  Answer MakeClaim(const std::string& name, const std::string& storage_class) {
    return Post("/api/v1/namespaces/default/persistentvolumeclaims",
                R"({"metadata": {"name": ")" + name + R"("}, "spec": {"storageClassName": ")" +
                    storage_class + R"(", "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}}}})");
  }
  // As the controller counts it, with nothing used.
  void Cover(const std::string& name, const Json& hard, Json spec = Json::object()) {
    const std::string quotas = "/api/v1/namespaces/default/resourcequotas";
    Json none = hard;
    for (auto& [key, value] : none.items()) value = "0";
    spec["hard"] = hard;
    ASSERT_EQ(Post(quotas, Json{{"metadata", {{"name", name}}}, {"spec", spec}}.dump()).code, 201);
    const Json status = {{"status", {{"hard", hard}, {"used", none}}}};
    ASSERT_EQ(Merge(quotas + "/" + name + "/status", status.dump()).code, 200);
    Settle();
  }
};

TEST_F(LimitedByDefaultTest, PodsOfAScopeNeedAQuotaForIt) {
  EXPECT_EQ(MakePod("usual", "").code, 201);
  const auto alone = MakePod("p", "urgent");
  EXPECT_EQ(alone.code, 500);
  EXPECT_EQ(alone.message(),
            "insufficient quota to match these scopes: [{PriorityClass In [urgent]}]");
  Cover("any", {{"pods", "5"}});
  EXPECT_EQ(MakePod("p", "urgent").code, 500) << "it is about no scope";
  const Json scope = {
      {"scopeName", "PriorityClass"}, {"operator", "In"}, {"values", Json::array({"urgent"})}};
  Cover("urgent", {{"pods", "1"}},
        {{"scopeSelector", {{"matchExpressions", Json::array({scope})}}}});
  const auto made = MakePod("p", "urgent");
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(MakePod("q", "urgent").code, 403) << "the quota is full";
}

TEST_F(LimitedByDefaultTest, WhatCountsUnderANameNeedsAQuotaForIt) {
  EXPECT_EQ(MakeClaim("usual", "silver").code, 201);
  const auto alone = MakeClaim("c", "gold");
  EXPECT_EQ(alone.code, 403);
  EXPECT_EQ(alone.message(),
            "persistentvolumeclaims \"c\" is forbidden: insufficient quota to consume: "
            "gold.storageclass.storage.k8s.io/persistentvolumeclaims,"
            "gold.storageclass.storage.k8s.io/requests.storage");
  Cover("gold", {{"gold.storageclass.storage.k8s.io/persistentvolumeclaims", "2"},
                 {"gold.storageclass.storage.k8s.io/requests.storage", "2Gi"}});
  const auto made = MakeClaim("c", "gold");
  EXPECT_EQ(made.code, 201) << made.message();
}

TEST(ResourceQuotaSettings, WhatIsWrongWithThemIsSaid) {
  const std::string start =
      "apiVersion: apiserver.config.k8s.io/v1\nkind: ResourceQuotaConfiguration\n";
  const auto wrong = ReadResourceQuotaSettings(start + "limitedResources: [{apiGroup: apps}]\n");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "couldn't init admission plugin \"ResourceQuota\": limitedResources[0].resource: "
            "Required value");
  EXPECT_FALSE(ReadResourceQuotaSettings(start + "limitedResource: []\n"));
  EXPECT_FALSE(ReadResourceQuotaSettings("apiVersion: v1\nkind: ResourceQuotaConfiguration\n"));
  EXPECT_TRUE(ReadResourceQuotaSettings(
      "apiVersion: resourcequota.admission.k8s.io/v1beta1\nkind: Configuration\n"));
}

}  // namespace
}  // namespace skiff
