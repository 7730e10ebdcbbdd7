// ResourceQuotas on the real server: what admission books and what the controller takes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/apiextensions_v1.h"
#include "api/gen/core_v1.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;
using core_v1::ResourceQuota;

class ResourceQuotaTest : public ControllersTest {
 protected:
  void AddQuota(const std::map<std::string, int>& hard) {
    ResourceQuota quota;
    quota.metadata.name = "q";
    quota.metadata.namespace_ = "default";
    for (const auto& [name, amount] : hard) quota.spec.hard[name] = Quantity::FromValue(amount);
    cluster_.Apply(quota).RunFor(2s);
  }
  std::string Used(const std::string& name) {
    const auto quota = cluster_.Get<ResourceQuota>({"default", "q"});
    const auto found = quota->status.used.find(name);
    return found == quota->status.used.end() ? "unknown" : found->second.Text();
  }
  void Scale(int replicas) {
    cluster_.Edit<apps_v1::Deployment>(
        {"default", "web"}, [&](apps_v1::Deployment& it) { it.spec.replicas = replicas; });
    cluster_.RunFor(30s);
  }
  void AddConfigMap(const std::string& name) {
    ConfigMap map;
    map.metadata.name = name;
    map.metadata.namespace_ = "default";
    cluster_.Apply(map);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, ResourceQuotaTest, kOrders);

TEST_P(ResourceQuotaTest, NoMorePodsRunThanAreAllowed) {
  AddQuota({{"pods", 2}});
  EXPECT_EQ(Used("pods"), "0");
  cluster_.Apply(DeploymentOf("web", 5)).RunFor(30s);
  EXPECT_EQ(PodCount(), 2u);
  EXPECT_EQ(Used("pods"), "2");

  // The limit grows, and those that were refused come.
  cluster_.Edit<ResourceQuota>(
      {"default", "q"}, [](ResourceQuota& it) { it.spec.hard["pods"] = Quantity::FromValue(4); });
  cluster_.RunFor(20min);
  EXPECT_EQ(PodCount(), 4u);
  EXPECT_EQ(Used("pods"), "4");

  Scale(1);
  EXPECT_EQ(PodCount(), 1u);
  EXPECT_EQ(Used("pods"), "1") << "what is gone is given back";
}

TEST_P(ResourceQuotaTest, ANewQuotaCountsWhatIsThere) {
  cluster_.Apply(DeploymentOf("web", 3)).RunFor(1s);
  AddConfigMap("a");
  // At once, before any cache shows it.
  AddQuota({{"pods", 10}, {"count/deployments.apps", 5}, {"configmaps", 9}});
  EXPECT_EQ(Used("pods"), "3");
  EXPECT_EQ(Used("count/deployments.apps"), "1");
  const int before = std::stoi(Used("configmaps"));
  AddConfigMap("b");
  EXPECT_EQ(Used("configmaps"), std::to_string(before + 1)) << "booked when it was made";
  cluster_.Delete<ConfigMap>({"default", "a"}).Delete<ConfigMap>({"default", "b"}).RunFor(2s);
  EXPECT_EQ(Used("configmaps"), std::to_string(before - 1));
}

TEST_P(ResourceQuotaTest, ABookingOfNothingIsFoundWithinFiveMinutes) {
  AddQuota({{"pods", 2}});
  // As after a refusal by somebody who is asked later.
  cluster_.Edit<ResourceQuota>(
      {"default", "q"}, [](ResourceQuota& it) { it.status.used["pods"] = Quantity::FromValue(2); },
      true);
  cluster_.RunFor(6min);
  EXPECT_EQ(Used("pods"), "0");
}

constexpr char kWidgetDefinition[] = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
)";
constexpr char kWidgetCount[] = "count/widgets.example.com";

class CustomKindQuotaTest : public ResourceQuotaTest {
 protected:
  CustomKindQuotaTest() {
    widgets_.api_version = "example.com/v1";
    widgets_.kind = "Widget";
    widgets_.name = "widgets";
  }
  // Returns its uid.
  std::string AddWidget(const std::string& name, const std::string& owner = "") {
    Json widget = {{"apiVersion", "example.com/v1"},
                   {"kind", "Widget"},
                   {"metadata", {{"name", name}, {"namespace", "default"}}}};
    if (!owner.empty()) {
      widget["metadata"]["ownerReferences"] = {{{"apiVersion", "example.com/v1"},
                                                {"kind", "Widget"},
                                                {"name", "parent"},
                                                {"uid", owner}}};
    }
    const auto made = cluster_.client().Create(widgets_, {"default", name}, widget);
    return made ? made->at("metadata").at("uid").get<std::string>() : made.error().message;
  }

  Resource widgets_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, CustomKindQuotaTest, kOrders);

TEST_P(CustomKindQuotaTest, WhatGoesIsGivenBackAtOnce) {
  cluster_.Apply(kWidgetDefinition).RunFor(10s);
  const std::string parent = AddWidget("parent");
  AddWidget("a", parent);
  AddWidget("b", parent);
  AddWidget("other");
  cluster_.RunFor(2s);
  AddQuota({{kWidgetCount, 5}});
  EXPECT_EQ(Used(kWidgetCount), "4") << "what was there is counted";
  cluster_.RunFor(30s);
  ASSERT_TRUE(cluster_.client().Delete(widgets_, {"default", "parent"}));
  cluster_.RunFor(2s);
  EXPECT_EQ(Used(kWidgetCount), "1") << "with those that went because of it";
}

TEST_P(CustomKindQuotaTest, AKindMayComeAfterItsQuotaAndComeBack) {
  AddQuota({{kWidgetCount, 5}});
  EXPECT_EQ(Used(kWidgetCount), "unknown");
  cluster_.Apply(kWidgetDefinition).RunFor(10s);
  EXPECT_EQ(Used(kWidgetCount), "0");
  AddWidget("a");
  EXPECT_EQ(Used(kWidgetCount), "1");
  ASSERT_TRUE(cluster_.client().Delete(apiextensions_v1::CustomResourceDefinition::Info(),
                                       {"", "widgets.example.com"}));
  cluster_.RunFor(30s);
  EXPECT_EQ(Used(kWidgetCount), "0");
  cluster_.Apply(kWidgetDefinition).RunFor(10s);
  AddWidget("a");
  EXPECT_EQ(Used(kWidgetCount), "1");
  cluster_.RunFor(5s);
  ASSERT_TRUE(cluster_.client().Delete(widgets_, {"default", "a"}));
  cluster_.RunFor(2s);
  EXPECT_EQ(Used(kWidgetCount), "0");
}

}  // namespace
}  // namespace skiff
