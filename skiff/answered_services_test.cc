#include "skiff/answered_services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/decode.h"
#include "client/client.h"
#include "skiff/status_text.h"

namespace skiff {
namespace {

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
                {"endpoints", Json::array()}};
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
  // What to type stands below, as one of the lines is long.
  EXPECT_THAT(text, HasSubstr("  1 ingress answering 503 (no ready pods): q/d (service starting)\n"
                              "      skiff why ingress d -n q\n"));
  EXPECT_THAT(text, HasSubstr("  1 ingress answering 503 (no such port): q/c (service web)\n"));
  EXPECT_THAT(text, HasSubstr("  2 ingresses answering 503 (no such service): q/a (service gone), "
                              "q/b (service lost)\n      skiff why ingress a -n q\n"));
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
  for (const char* name : {"restarted", "failing", "idle"}) status.Add(ServiceFor(name));
  Json by_hand;
  by_hand["spec"]["ports"].push_back({{"port", 80}});
  status.Add(Old<core_v1::Service>("by-hand", std::move(by_hand)));
  EXPECT_TRUE(status.is_well()) << status.Text();
  status.Add(ServiceFor("web"));
  EXPECT_THAT(status.Text(),
              EndsWith("  1 service selecting no pods: q/web   skiff why service web -n q\n"));
}

}  // namespace
}  // namespace skiff
