#include "skiff/answered_services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/decode.h"
#include "client/client.h"
#include "skiff/status_text.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

constexpr char kEarlier[] = "2026-01-01T00:00:00Z";
constexpr char kRightNow[] = "2026-01-01T00:59:50Z";
const TimePoint kOneOClock = Time::Parse("2026-01-01T01:00:00Z")->point();

template <typename K>
K Old(const std::string& name, Json object, const char* at = kEarlier) {
  Json& meta = object["metadata"];
  meta["name"] = name;
  meta["namespace"] = "q";
  meta["uid"] = name + "-uid";
  meta["creationTimestamp"] = at;
  return *FromJson<K>(object);
}

Json Ready(bool ready) {
  Json conditions;
  conditions["ready"] = ready;
  return conditions;
}

core_v1::Service ServiceFor(const std::string& name) {
  Json service;
  service["spec"]["selector"]["app"] = name;
  service["spec"]["ports"].push_back({{"port", 80}});
  return Old<core_v1::Service>(name, std::move(service));
}

discovery_v1::EndpointSlice SliceOf(const std::string& service, std::vector<Json> conditions,
                                    const char* at = kEarlier) {
  Json slice = {{"metadata", {{"labels", {{"kubernetes.io/service-name", service}}}}},
                {"endpoints", Json::array()},
                {"ports", {{{"name", ""}, {"port", 80}}}}};
  for (Json& each : conditions) {
    Json endpoint;
    endpoint["addresses"] = Json::array({"10.0.0.1"});
    endpoint["conditions"] = std::move(each);
    slice["endpoints"].push_back(std::move(endpoint));
  }
  return Old<discovery_v1::EndpointSlice>(service + "-x", std::move(slice), at);
}

networking_v1::Ingress IngressTo(const std::string& name, const std::string& service, int port = 80,
                                 const char* at = kEarlier) {
  const Json backend = {{"service", {{"name", service}, {"port", {{"number", port}}}}}};
  const Json path = {{"path", "/"}, {"pathType", "Prefix"}, {"backend", backend}};
  Json rule;
  rule["http"]["paths"].push_back(path);
  Json ingress;
  ingress["spec"]["rules"].push_back(rule);
  return Old<networking_v1::Ingress>(name, std::move(ingress), at);
}

TEST(AnsweredServicesTest, AnIngressWhoseServiceDoesNotAnswerIsNamedWithIt) {
  ClusterStatus status(kOneOClock);
  status.Add(SliceOf("web", {Ready(true)}));
  status.Add(SliceOf("starting", {Ready(false)}));
  status.Add(SliceOf("just-changed", {Ready(false)}, kRightNow));
  Json ending = Ready(false);
  ending["serving"] = ending["terminating"] = true;
  status.Add(SliceOf("ending", {ending}));
  for (const char* name : {"web", "starting", "just-changed", "ending"}) {
    status.Add(ServiceFor(name));
  }
  for (const char* fine : {"web", "just-changed", "ending"}) status.Add(IngressTo(fine, fine));
  status.Add(IngressTo("young", "gone", 80, kRightNow));
  EXPECT_TRUE(status.is_well()) << status.Text();
  status.Add(IngressTo("a", "gone"));
  status.Add(IngressTo("b", "lost"));
  status.Add(IngressTo("c", "web", 81));
  status.Add(IngressTo("d", "starting"));
  const std::string text = status.Text();
  EXPECT_THAT(text, EndsWith("  1 ingress answering 503 (no ready pods): q/d (service starting)\n"
                             "      skiff why ingress d -n q\n"
                             "  1 ingress answering 503 (no such port): q/c (service web)\n"
                             "      skiff why ingress c -n q\n"
                             "  2 ingresses answering 503 (no such service): q/a (service gone), "
                             "q/b (service lost)\n"
                             "      skiff why ingress a -n q\n"));
}

TEST(AnsweredServicesTest, OfOtherControllersIngressesNothingIsSaid) {
  ClusterStatus status(kOneOClock);
  for (const auto& [name, controller] :
       {std::pair("skiff", "skiff.io/ingress"), std::pair("other", "k8s.io/ingress-nginx")}) {
    const Json spec = {{"spec", {{"controller", controller}}}};
    status.Add(Old<networking_v1::IngressClass>(name, spec));
  }
  auto ingress = IngressTo("a", "gone");
  ingress.spec.ingress_class_name = "other";
  status.Add(ingress);
  EXPECT_TRUE(status.is_well()) << status.Text();
  ingress.spec.ingress_class_name = "skiff";
  status.Add(ingress);
  EXPECT_FALSE(status.is_well());
}

TEST(AnsweredServicesTest, AServiceThatSelectsNoPodsIsNamedUnlessNobodyWantsAny) {
  ClusterStatus status(kOneOClock);
  status.Add(SliceOf("web", {}));
  status.Add(SliceOf("restarted", {}, kRightNow));
  status.Add(SliceOf("failing", {Ready(false)}));  // Of these their pods tell.
  status.Add(SliceOf("idle", {}));
  Json idle;
  idle["spec"]["replicas"] = 0;
  idle["spec"]["template"]["metadata"]["labels"]["app"] = "idle";
  status.Add(Old<apps_v1::Deployment>("idle", std::move(idle)));
  // Tasks, whose pods end.
  Json task;
  task["spec"]["template"]["metadata"]["labels"]["app"] = "once";
  status.Add(Old<batch_v1::Job>("once", task));
  task["spec"]["template"]["metadata"]["labels"]["app"] = "nightly";
  status.Add(Old<batch_v1::CronJob>(
      "nightly", {{"spec", {{"schedule", "@daily"}, {"suspend", true}, {"jobTemplate", task}}}}));
  task["spec"]["template"]["metadata"]["labels"]["app"] = "nowhere";
  status.Add(Old<apps_v1::DaemonSet>("nowhere", task));
  for (const char* name : {"restarted", "failing", "idle", "once", "nightly", "nowhere"}) {
    status.Add(ServiceFor(name));
  }
  Json by_hand;
  by_hand["spec"]["ports"].push_back({{"port", 80}});
  status.Add(Old<core_v1::Service>("by-hand", std::move(by_hand)));
  EXPECT_TRUE(status.is_well()) << status.Text();
  status.Add(ServiceFor("web"));
  EXPECT_THAT(status.Text(),
              EndsWith("  1 service selecting no pods: q/web   skiff why service web -n q\n"));
}

// As a targetPort by a name that no container has, which the slices leave out.
TEST(AnsweredServicesTest, AServiceWithAPortThatLeadsNowhereIsNamed) {
  ClusterStatus status(kOneOClock);
  auto slice = SliceOf("web", {Ready(true)});
  slice.ports.clear();
  status.Add(slice);
  status.Add(SliceOf("starting", {Ready(false)}));
  status.Add(SliceOf("fine", {Ready(true)}));
  for (const char* name : {"starting", "fine"}) status.Add(ServiceFor(name));
  EXPECT_TRUE(status.is_well()) << status.Text();
  status.Add(ServiceFor("web"));
  status.Add(IngressTo("a", "web"));
  EXPECT_THAT(status.Text(),
              AllOf(HasSubstr("  1 ingress answering 503 (no pod has its targetPort): q/a "
                              "(service web)   skiff why ingress a -n q\n"
                              "  1 service with a targetPort that no pod has: q/web  "),
                    EndsWith("   skiff why service web -n q\n")));
}

TEST(AnsweredServicesTest, WhereNodesAreSimulatedNobodyServesIngresses) {
  ClusterStatus status(kOneOClock);
  const Json info = {{"containerRuntimeVersion", "fake://1.0"}};
  const Json ready = {{{"type", "Ready"}, {"status", "True"}}};
  status.Add(
      Old<core_v1::Node>("node-0", {{"status", {{"nodeInfo", info}, {"conditions", ready}}}}));
  status.Add(IngressTo("young", "gone", 80, kRightNow));
  EXPECT_TRUE(status.is_well()) << status.Text();
  status.Add(IngressTo("a", "gone"));
  EXPECT_THAT(status.Text(),
              EndsWith("  1 ingress served by nobody, as all nodes are simulated: q/a   skiff why "
                       "ingress a -n q\n"));
}

TEST(AnsweredServicesTest, OfPodsThatHaveNoAddressYetTheServiceSaysNothing) {
  ClusterStatus status(kOneOClock);
  Json pod;
  pod["metadata"]["labels"]["app"] = "web";
  pod["spec"]["containers"] = Json::array();
  pod["status"]["phase"] = "Pending";
  status.Add(Old<core_v1::Pod>("web-0", std::move(pod)));
  status.Add(SliceOf("web", {}));
  status.Add(ServiceFor("web"));
  EXPECT_THAT(status.Text(),
              EndsWith("What is wrong, and what says more of it:\n"
                       "  1 pod Unschedulable: q/web-0   skiff why pod web-0 -n q\n"));
}

}  // namespace
}  // namespace skiff
