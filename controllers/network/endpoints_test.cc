#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class EndpointsTest : public ListingServerTest {
 protected:
  static Json ServiceOnNamedPort() {
    return {{"spec",
             {{"clusterIP", "10.0.0.1"},
              {"ipFamilies", {"IPv4"}},
              {"selector", {{"app", "a"}}},
              {"ports", {{{"port", 80}, {"protocol", "TCP"}, {"targetPort", "http"}}}}}}};
  }
  // Pods with that number for the port's name; those of one number are a subset.
  void PutPods(int count, int port, bool are_ready) {
    for (int i = 0; i < count; ++i) {
      const std::string ip = fmt::format("10.{}.{}.{}", port, i / 250, i % 250 + 1);
      Put("/api/v1/pods", fmt::format("/api/v1/namespaces/default/pods/p-{}", ip),
          {{"metadata", {{"labels", {{"app", "a"}}}}},
           {"spec",
            {{"containers",
              {{{"name", "c"},
                {"image", "i"},
                {"ports", {{{"name", "http"}, {"containerPort", port}, {"protocol", "TCP"}}}}}}}}},
           {"status",
            {{"phase", "Running"},
             {"podIP", ip},
             {"podIPs", {{{"ip", ip}}}},
             {"conditions", {{{"type", "Ready"}, {"status", are_ready ? "True" : "False"}}}}}}});
    }
  }
  // How many addresses of each subset, ready and not, are written.
  using Sizes = std::vector<std::pair<size_t, size_t>>;
  Sizes Written() {
    Put("/api/v1/services", "/api/v1/namespaces/default/services/web", ServiceOnNamedPort());
    AddEndpointsController(manager_);
    Run(1s);
    Sizes sizes;
    for (size_t i = 0; i < written().size(); ++i) {
      if (written()[i] != "POST /api/v1/namespaces/default/endpoints") continue;
      const Json body = Json::parse(bodies()[i]);
      EXPECT_EQ(body["metadata"]["annotations"].value("endpoints.kubernetes.io/over-capacity", ""),
                "truncated");
      for (const Json& subset : body["subsets"]) {
        const auto size = [&](const char* list) {
          return subset.contains(list) ? subset[list].size() : 0;
        };
        sizes.emplace_back(size("addresses"), size("notReadyAddresses"));
      }
      break;
    }
    return sizes;
  }
};

TEST_F(EndpointsTest, NoMoreThanAThousandReadyAddressesAreKept) {
  for (const int port : {1, 2, 3}) PutPods(334, port, true);
  PutPods(10, 4, false);
  EXPECT_EQ(Written(), (Sizes{{334, 0}, {334, 0}, {332, 0}}));
}

TEST_F(EndpointsTest, WhatAServiceLeavesBehindIsDeletedHoweverOftenThatFails) {
  const std::string path = "/api/v1/namespaces/default/endpoints/web";
  Put("/api/v1/endpoints", path,
      {{"metadata",
        {{"labels", {{"endpoints.kubernetes.io/managed-by", "endpoint-controller"}}}}}});
  refused_.insert("DELETE " + path);
  AddEndpointsController(manager_);
  Run(1s);
  EXPECT_EQ(written(), (std::vector<std::string>{"DELETE " + path}));
  Run(1min);
  EXPECT_GT(written().size(), 3u);
  refused_.clear();
  Run(11s);
  const size_t before = written().size();
  Run(1min);
  EXPECT_EQ(written().size(), before) << "it was done";
}

TEST_F(EndpointsTest, WhatIsRefusedAgainAndAgainIsLeftUntilSomethingChanges) {
  const std::string service = "/api/v1/namespaces/default/services/web";
  Put("/api/v1/services", service, ServiceOnNamedPort());
  refused_.insert("POST /api/v1/namespaces/default/endpoints");
  refusal_ = 403;
  AddEndpointsController(manager_);
  Run(10min);
  EXPECT_EQ(written().size(), 16u);
}

TEST_F(EndpointsTest, WhatCouldNotBeMadeIsToldOfEndpoints) {
  Put("/api/v1/services", "/api/v1/namespaces/default/services/web", ServiceOnNamedPort());
  refused_.insert("POST /api/v1/namespaces/default/endpoints");
  AddEndpointsController(manager_);
  Run(1s);
  ASSERT_FALSE(told().empty());
  EXPECT_EQ(told()[0], "FailedToCreateEndpoint");
  EXPECT_EQ(told_of()[0], "Endpoints");
}

// Of each pair of a port and a pod a few bytes would be gigabytes.
TEST_F(EndpointsTest, ManyPortsOfManyPodsAreOneSubset) {
  constexpr int kPorts = 20'000, kPods = 2'000;
  PutPods(kPods, 1, true);
  Json service = ServiceOnNamedPort();
  Json& ports = service["spec"]["ports"] = Json::array();
  for (int port = 1; port <= kPorts; ++port) {
    ports.push_back({{"name", fmt::format("p{}", port)},
                     {"port", port},
                     {"protocol", "TCP"},
                     {"targetPort", port}});
  }
  Put("/api/v1/services", "/api/v1/namespaces/default/services/web", service);
  AddEndpointsController(manager_);
  Run(1s);
  const auto made = std::ranges::find(written(), "POST /api/v1/namespaces/default/endpoints");
  ASSERT_NE(made, written().end());
  const Json body = Json::parse(bodies()[made - written().begin()]);
  ASSERT_EQ(body["subsets"].size(), 1u);
  EXPECT_EQ(body["subsets"][0]["ports"].size(), kPorts);
  EXPECT_EQ(body["subsets"][0]["addresses"].size(), 1000u);
}

// Each pod has other numbers for the names: a thousand subsets of a thousand ports.
TEST_F(EndpointsTest, OfPortsThatAreManyByNameThereAreAsManyAsThereIsRoomFor) {
  constexpr int kNames = 200, kPods = 250;
  Json names = Json::array(), ports = Json::array();
  for (int i = 0; i < kNames; ++i) {
    const std::string name = fmt::format("p{}", i);
    names.push_back({{"name", name}, {"protocol", "TCP"}});
    ports.push_back({{"name", name}, {"port", i + 1}, {"protocol", "TCP"}, {"targetPort", name}});
  }
  for (int pod = 0; pod < kPods; ++pod) {
    for (int i = 0; i < kNames; ++i) names[i]["containerPort"] = i * kPods + pod + 1;
    const std::string ip = fmt::format("10.0.0.{}", pod + 1);
    Put("/api/v1/pods", fmt::format("/api/v1/namespaces/default/pods/p-{}", pod),
        {{"metadata", {{"labels", {{"app", "a"}}}}},
         {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}, {"ports", names}}}}}},
         {"status", {{"phase", "Running"}, {"podIP", ip}, {"podIPs", {{{"ip", ip}}}}}}});
  }
  Json service = ServiceOnNamedPort();
  service["spec"]["ports"] = ports;
  Put("/api/v1/services", "/api/v1/namespaces/default/services/web", service);
  AddEndpointsController(manager_);
  Run(1s);
  const auto made = std::ranges::find(written(), "POST /api/v1/namespaces/default/endpoints");
  ASSERT_NE(made, written().end());
  const Json body = Json::parse(bodies()[made - written().begin()]);
  EXPECT_EQ(body["metadata"]["annotations"].value("endpoints.kubernetes.io/over-capacity", ""),
            "truncated");
  ASSERT_EQ(body["subsets"].size(), kPods);
  EXPECT_EQ(body["subsets"][0]["ports"].size(), 80u) << "20,000 of all pods together";
}

TEST_F(EndpointsTest, OfThoseThatAreNotReadyThereAreAsManyAsThereIsRoomFor) {
  PutPods(900, 1, true);
  for (const int port : {2, 3, 4}) PutPods(50, port, false);
  EXPECT_EQ(Written(), (Sizes{{900, 0}, {0, 34}, {0, 34}, {0, 32}}));
}

}  // namespace
}  // namespace skiff
