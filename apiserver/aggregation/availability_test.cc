// What APIServices say of the servers that they name.
#include "apiserver/aggregation/aggregation_fixture.h"
#include "apiserver/aggregation/availability_loop.h"

namespace skiff {
namespace {

class AvailabilityTest : public AggregationFixture {
 protected:
  static constexpr const char* kServices = "/api/v1/namespaces/default/services";
  void MakeClusterService() {
    ASSERT_EQ(Post(kServices, R"({"metadata": {"name": "agg"}, "spec": {
                                  "ports": [{"port": 443}], "selector": {"a": "b"}}})")
                  .code,
              201);
  }
  bool BecomesSaid(const std::string& message) {
    return Eventually([&] { return ConditionOf(kName).value("message", "") == message; });
  }
};

TEST_F(AvailabilityTest, EachThingThatIsMissingIsNamed) {
  ASSERT_EQ(Register({{"service", {{"port", 443}}}}).code, 201);
  EXPECT_TRUE(BecomesSaid("service/agg in \"default\" is not present"));
  EXPECT_EQ(ConditionOf(kName)["reason"], "ServiceNotFound");
  EXPECT_EQ(ConditionOf(kName)["status"], "False");
  MakeClusterService();
  EXPECT_TRUE(BecomesSaid("cannot find endpointslices for service/agg in \"default\""));
  EXPECT_EQ(ConditionOf(kName)["reason"], "EndpointsNotFound");
  const std::string slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  ASSERT_EQ(Post(slices, R"({"metadata": {"name": "agg-1",
                               "labels": {"kubernetes.io/service-name": "agg"}},
                             "addressType": "IPv4", "ports": [{"name": "", "port": 8443}],
                             "endpoints": [{"addresses": ["192.0.2.1"],
                                            "conditions": {"ready": false}}]})")
                .code,
            201);
  EXPECT_TRUE(BecomesSaid(
      "endpointslices for service/agg in \"default\" have no addresses with port name \"\""));
  EXPECT_EQ(ConditionOf(kName)["reason"], "MissingEndpoints");
  ASSERT_EQ(
      Merge(std::string(kApiServices) + "/" + kName, R"({"spec": {"service": {"port": 8443}}})")
          .code,
      200);
  EXPECT_TRUE(BecomesSaid("service/agg in \"default\" is not listening on port 8443"));
  EXPECT_EQ(ConditionOf(kName)["reason"], "ServicePortError");
}

// No URL leads there, and so none is named.
TEST_F(AvailabilityTest, AServiceWithoutAnAddressIsSaidToHaveNone) {
  ASSERT_EQ(Post(kServices, R"({"metadata": {"name": "agg"}, "spec": {"clusterIP": "None",
                                "ports": [{"port": 443}], "selector": {"a": "b"}}})")
                .code,
            201);
  ASSERT_EQ(Post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
                 R"({"metadata": {"name": "agg-1",
                                  "labels": {"kubernetes.io/service-name": "agg"}},
                     "addressType": "IPv4", "ports": [{"name": "", "port": 8443}],
                     "endpoints": [{"addresses": ["192.0.2.1"]}]})")
                .code,
            201);
  ASSERT_EQ(Register({{"service", {{"port", 443}}}}).code, 201);
  ASSERT_TRUE(Becomes("FailedDiscoveryCheck"));
  EXPECT_EQ(ConditionOf(kName)["message"], "cannot route to service with ClusterIP \"None\"");
}

// By a request that it has sent itself, without end.
TEST_F(AvailabilityTest, AVersionThatThisServerIsSaidToBeBehindIsNotAvailable) {
  ASSERT_EQ(Register({{"service", {{"name", "kubernetes"}, {"port", 443}}}}).code, 201);
  ASSERT_TRUE(Becomes("FailedDiscoveryCheck"));
  const std::string url = "https://[::1]:6443" + std::string(kVersion);
  EXPECT_EQ(ConditionOf(kName)["message"],
            "failing or missing response from " + url + ": bad status from " + url + ": 503");
  const std::string status = std::string(kApiServices) + "/" + kName + "/status";
  ASSERT_EQ(Merge(status, R"({"status": {"conditions": [
                {"type": "Available", "status": "True", "reason": "Mine", "message": "m"}]}})")
                .code,
            200);
  const auto answer = Get(kVersion);
  EXPECT_EQ(answer.code, 503) << "whoever says that it is";
  EXPECT_EQ(answer.response.body, "service unavailable\n");
}

// --enable-aggregator-routing, which is of services that webhooks have, too.
class EndpointRoutingTest : public AggregationFixture {
 protected:
  EndpointRoutingTest() : AggregationFixture({}, true) {}
};

TEST_F(EndpointRoutingTest, WhatHasNoEndpointsLeadsNowhere) {
  MakeService();
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Becomes("FailedDiscoveryCheck"));
  const auto why = [](int port) {
    return "no service port " + std::to_string(port) + " found for service \"agg\"";
  };
  EXPECT_EQ(ConditionOf(kName)["message"], why(backend_->port()));
  ASSERT_EQ(Post("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
                 R"({"metadata": {"name": "w"}, "webhooks": [{
                     "name": "w.example.com", "admissionReviewVersions": ["v1"],
                     "sideEffects": "None",
                     "clientConfig": {"service": {"name": "agg", "namespace": "default"}},
                     "rules": [{"operations": ["CREATE"], "apiGroups": [""],
                                "apiVersions": ["v1"], "resources": ["configmaps"]}]}]})")
                .code,
            201);
  Answer refused;
  ASSERT_TRUE(Eventually([&] {
    refused =
        Post("/api/v1/namespaces/default/configmaps?dryRun=All", R"({"metadata": {"name": "c"}})");
    return refused.code != 201;
  }));
  EXPECT_EQ(refused.message(),
            "Internal error occurred: failed calling webhook \"w.example.com\": failed to call "
            "webhook: Post \"https://agg.default.svc:443/?timeout=10s\": " +
                why(443));
}

TEST_F(AvailabilityTest, AServerThatAnswersIsAvailableAndOneThatDoesNotIsNot) {
  At(kVersion, [](const http::Request&) {
    http::Response refused;
    refused.status = 403;
    return refused;
  });
  MakeService();
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Becomes("FailedDiscoveryCheck"));
  const std::string url =
      "https://localhost:" + std::to_string(backend_->port()) + std::string(kVersion);
  EXPECT_EQ(ConditionOf(kName)["message"],
            "failing or missing response from " + url + ": bad status from " + url + ": 403");
  At(kVersion, nullptr);
  EXPECT_TRUE(Becomes("Passed"));
  EXPECT_EQ(ConditionOf(kName)["message"], "all checks passed");
  const auto probe = LastTo(kVersion);
  ASSERT_TRUE(probe && probe->peer_certificate);
  EXPECT_EQ(probe->peer_certificate->common_name, "front-proxy-client");
  EXPECT_EQ(probe->Header("X-Remote-User"), "system:kube-aggregator");
  EXPECT_EQ(probe->Header("X-Remote-Group"), "system:masters");
}

// The status says it all: nobody reads how much there is of the rest.
TEST_F(AvailabilityTest, AServerWithALongAnswerIsAvailable) {
  At(kVersion, [](const http::Request&) {
    http::Response response = Says200(ResourceList());
    response.body.append(size_t{9} << 20, ' ');
    return response;
  });
  MakeService();
  ASSERT_EQ(Register().code, 201);
  EXPECT_TRUE(Becomes("Passed"));
}

// In its own moment of each period, so that it is not missed for longer where it has just answered.
TEST(AvailabilityTimesTest, EachIsLookedAtOncePerPeriodWheneverItWasLookedAt) {
  const Duration first = AvailabilityLoop::NextLook(1000s, "uid");
  EXPECT_GT(first, 1000s);
  EXPECT_LE(first, 1030s);
  EXPECT_EQ(AvailabilityLoop::NextLook(first - 1ms, "uid"), first);
  EXPECT_EQ(AvailabilityLoop::NextLook(first, "uid"), first + 30s);
  EXPECT_EQ(AvailabilityLoop::NextLook(first + 29s, "uid"), first + 30s);
  EXPECT_NE(AvailabilityLoop::NextLook(1000s, "other"), first);
}

TEST_F(AvailabilityTest, OneThatNeverAnswersIsAskedFiveTimesAtOnce) {
  At(kVersion, [&](const http::Request&) {
    Hang();
    return http::Response();
  });
  MakeService();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Becomes("FailedDiscoveryCheck"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "five seconds for all of them";
  const std::string url =
      "https://localhost:" + std::to_string(backend_->port()) + std::string(kVersion);
  EXPECT_EQ(ConditionOf(kName)["message"],
            "failing or missing response from " + url + ": Get \"" + url +
                "\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
}

// What is asked by then is not waited for, whatever comes of it.
TEST_F(AvailabilityTest, TheAnswerOfAnOldAddressSaysNothingOfANewOne) {
  class Answering final : public http::Handler {
    http::Response Handle(const http::Request&) override { return Says200(ResourceList()); }
  };
  Answering answering;
  const auto certificate = authority_.Issue({.common_name = "other"});
  http::ServerTls tls;
  tls.certificate_pem = certificate.certificate_pem;
  tls.key_pem = certificate.key_pem;
  const auto other = *http::Server::Start({.tls = tls}, loops_, answering);
  At(kVersion, [&](const http::Request&) {
    Hang();
    http::Response refused;
    refused.status = 403;
    return refused;
  });
  MakeService();
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Eventually([&] { return LastTo(kVersion).has_value(); }));
  ASSERT_EQ(Merge(std::string(kApiServices) + "/" + kName,
                  Json{{"spec", {{"service", {{"port", other->port()}}}}}}.dump())
                .code,
            200);
  EXPECT_TRUE(Becomes("Passed"));
  EXPECT_EQ(Get("/metrics").response.body.find("reason=\"FailedDiscoveryCheck\""),
            std::string::npos);
}

// As kubectl and controllers do that write the status themselves.
TEST_F(AvailabilityTest, AConditionThatSomebodyTookAwayComesBack) {
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Becomes("ServiceNotFound"));
  const std::string status = std::string(kApiServices) + "/" + kName + "/status";
  ASSERT_EQ(Merge(status, R"({"status": {"conditions": [
                {"type": "Mine", "status": "True", "reason": "R", "message": "m"}]}})")
                .code,
            200);
  EXPECT_TRUE(Becomes("ServiceNotFound"));
  EXPECT_EQ(Get(std::string(kApiServices) + "/" + kName).body["status"]["conditions"].size(), 2u)
      << "the other one stays";
}

TEST_F(AvailabilityTest, AVersionThatComesBackToThisServerIsAvailable) {
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Becomes("ServiceNotFound"));
  ASSERT_EQ(Merge(std::string(kApiServices) + "/" + kName,
                  R"({"spec": {"service": null, "caBundle": null}})")
                .code,
            200);
  EXPECT_TRUE(Becomes("Local"));
  EXPECT_EQ(ConditionOf(kName)["status"], "True");
  EXPECT_EQ(ConditionOf(kName)["message"], "Local APIServices are always available");
  EXPECT_EQ(Get(kVersion).code, 404) << "which it does not have";
}

// Whatever was written into it, and not with the turn of its period, of which these were three.
TEST_F(AvailabilityTest, AnUpdateOfTheApiServiceHasItsServerAskedAtOnce) {
  Serve();
  const auto begin = std::chrono::steady_clock::now();
  const auto label = [&](const std::string& value) {
    const auto changed = Merge(std::string(kApiServices) + "/" + kName,
                               R"({"metadata": {"labels": {"a": ")" + value + R"("}}})");
    ASSERT_EQ(changed.code, 200) << changed.message();
  };
  for (int round = 0; round < 3; ++round) {
    At(kVersion, [](const http::Request&) {
      http::Response refused;
      refused.status = 403;
      return refused;
    });
    label("away-" + std::to_string(round));
    ASSERT_TRUE(Becomes("FailedDiscoveryCheck"));
    At(kVersion, nullptr);
    label("back-" + std::to_string(round));
    ASSERT_TRUE(Becomes("Passed"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, AvailabilityLoop::kHealthyPeriod);
}

// On a clock of its own: of a version that the server itself is said to be behind, it finds out
// without asking anybody that it is not available.
class AvailabilityPeriodTest : public ServerFixture {
 protected:
  static constexpr const char* kApiService =
      "/apis/apiregistration.k8s.io/v1/apiservices/v1.wardle.example.com";
  void SayAvailable() {
    ASSERT_EQ(Merge(std::string(kApiService) + "/status", R"({"status": {"conditions": [
                  {"type": "Available", "status": "True", "reason": "Other", "message": "m"}]}})")
                  .code,
              200);
  }
  std::string Reason() {
    return Get(kApiService).body["status"]["conditions"][0].value("reason", "");
  }
};

// Servers of one store may see different things, and would write one over the other for ever; a
// word that is wrong does not stand for long.
TEST_F(AvailabilityPeriodTest, TheWordOfAnotherServerIsAskedAboutOnceInAPeriod) {
  ASSERT_EQ(Post("/apis/apiregistration.k8s.io/v1/apiservices",
                 R"({"metadata": {"name": "v1.wardle.example.com"}, "spec": {
                     "group": "wardle.example.com", "version": "v1", "versionPriority": 200,
                     "groupPriorityMinimum": 2000, "insecureSkipTLSVerify": true,
                     "service": {"namespace": "default", "name": "kubernetes", "port": 443}}})")
                .code,
            201);
  // Until it is looked at again as seldom as may be.
  executor_.RunFor(4 * AvailabilityLoop::kRetryMax);
  ASSERT_EQ(Reason(), "FailedDiscoveryCheck");
  SayAvailable();
  executor_.RunFor(1s);
  EXPECT_EQ(Reason(), "FailedDiscoveryCheck") << "asked before its turn came";
  SayAvailable();
  executor_.RunFor(AvailabilityLoop::kHealthyPeriod - 3s);
  EXPECT_EQ(Reason(), "Other");
  executor_.RunFor(3s);
  EXPECT_EQ(Reason(), "FailedDiscoveryCheck");
}

// Two whose texts of one fault differ would else write one over the other with each ring.
TEST_F(AvailabilityTest, WhatAnotherServerSaysOfTheSameFaultStandsUntilTheNextLook) {
  ASSERT_EQ(Register({{"service", {{"name", "none"}}}}).code, 201);
  ASSERT_TRUE(Becomes("ServiceNotFound"));
  ASSERT_EQ(Merge(std::string(kApiServices) + "/" + kName + "/status",
                  R"({"status": {"conditions": [
                {"type": "Available", "status": "False", "reason": "Other", "message": "m"}]}})")
                .code,
            200);
  // What comes after has been seen together with it.
  ASSERT_EQ(Register({{"version", "v2"}, {"service", {{"name", "none"}}}}).code, 201);
  ASSERT_TRUE(Becomes("ServiceNotFound", "v2.wardle.example.com"));
  EXPECT_EQ(ConditionOf(kName)["reason"], "Other");
}

TEST_F(AvailabilityTest, WhatIsUnavailableIsCounted) {
  ASSERT_EQ(Register().code, 201);
  ASSERT_TRUE(Becomes("ServiceNotFound"));
  const auto has = [&](const std::string& line) {
    return Get("/metrics").response.body.find(line) != std::string::npos;
  };
  const std::string gauge = "aggregator_unavailable_apiservice{name=\"" + std::string(kName);
  EXPECT_TRUE(has(gauge + "\"} 1"));
  EXPECT_TRUE(has("aggregator_unavailable_apiservice_total{name=\"" + std::string(kName) +
                  "\",reason=\"ServiceNotFound\"} 1"));
  ASSERT_EQ(Ask("DELETE", std::string(kApiServices) + "/" + kName).code, 200);
  EXPECT_TRUE(Eventually([&] { return !has(gauge); }));
}

}  // namespace
}  // namespace skiff
