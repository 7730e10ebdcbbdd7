#include "cli/compose/published.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::cli::compose {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Json ServiceOf(const std::string& space, const std::string& name, const std::string& project,
               int port, const std::string& address) {
  Json service = {{"kind", "Service"},
                  {"metadata", {{"namespace", space}, {"name", name}}},
                  {"spec", {{"type", "LoadBalancer"}, {"ports", {{{"port", port}}}}}}};
  if (!project.empty()) service["metadata"]["labels"]["compose.skiff.io/project"] = project;
  if (!address.empty()) service["status"]["loadBalancer"]["ingress"] = {{{"ip", address}}};
  return service;
}

const std::set<std::string> kNodes = {"192.0.2.1"};
const ProjectPlace kHere = {"shop", "default"};

TEST(PublishedTest, WhoHasThePortIsNamedAndWhatToDo) {
  const Json wanted = ServiceOf("", "web-published", "shop", 8080, "");
  EXPECT_THAT(
      PortsTaken(wanted, kHere,
                 {ServiceOf("blue", "web-published", "other", 8080, "192.0.2.1"),
                  ServiceOf("default", "lb", "", 8080, "192.0.2.1")},
                 kNodes),
      ElementsAre("port 8080/TCP of the nodes is published by service \"web-published\" of the "
                  "compose project other in namespace blue: publish another port, or take that "
                  "down (skiff compose -p other down -n blue)",
                  "port 8080/TCP of the nodes is published by service \"lb\" in namespace default: "
                  "publish another port, or delete it (skiff delete service lb -n default)"));
}

TEST(PublishedTest, OtherPortsOtherAddressesAndItsOwnServicesAreInNobodysWay) {
  const Json wanted = ServiceOf("", "web-published", "shop", 8080, "");
  Json udp = ServiceOf("blue", "dns", "other", 8080, "192.0.2.1");
  udp["spec"]["ports"][0]["protocol"] = "UDP";
  EXPECT_THAT(PortsTaken(wanted, kHere,
                         {ServiceOf("blue", "web-published", "other", 8081, "192.0.2.1"),
                          ServiceOf("blue", "waits", "other", 8080, ""),
                          ServiceOf("blue", "metal", "other", 8080, "198.51.100.7"), udp,
                          ServiceOf("default", "front-published", "shop", 8080, "192.0.2.1")},
                         kNodes),
              IsEmpty());
  EXPECT_EQ(PortsTaken(wanted, kHere,
                       {ServiceOf("blue", "web-published", "shop", 8080, "192.0.2.1")}, kNodes)
                .size(),
            1u)
      << "a project of that name elsewhere is another one";
}

TEST(PublishedTest, APortBesideThoseThatItHasIsStillToBeGiven) {
  const Json wanted =
      Json::parse(R"({"spec": {"ports": [{"port": 8080}, {"port": 443, "protocol": "TCP"}]}})");
  const auto to_get = [&](const Json& live) {
    std::vector<int> ports;
    const Json asking = WithPortsToGet(wanted, live);
    for (const Json& port : asking["spec"]["ports"]) ports.push_back(port["port"]);
    return ports;
  };
  const Json waits = ServiceOf("default", "web-published", "shop", 8080, "");
  EXPECT_FALSE(HasItsPorts(waits));
  EXPECT_THAT(to_get(waits), ElementsAre(8080, 443));
  Json live = ServiceOf("default", "web-published", "shop", 8080, "192.0.2.1");
  EXPECT_TRUE(HasItsPorts(live)) << "whoever gave it tells no ports";
  EXPECT_THAT(to_get(live), ElementsAre(443));
  live["status"]["loadBalancer"]["ingress"][0]["ports"] =
      Json::parse(R"([{"port": 8080, "protocol": "TCP"}])");
  EXPECT_TRUE(HasItsPorts(live));
  live["spec"] = wanted["spec"];
  EXPECT_FALSE(HasItsPorts(live)) << "443 is only asked for";
  EXPECT_THAT(to_get(live), ElementsAre(443));
}

TEST(PublishedTest, WhatIsSaidOfAPortIsOfNoOtherOne) {
  const Json service =
      Json::parse(R"({"spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}})");
  const auto is_of_it = [&](const std::string& what) {
    return IsOfItsPorts("Error syncing load balancer: " + what, service);
  };
  EXPECT_TRUE(is_of_it("port 80/TCP of the nodes is in use by ssh"));
  EXPECT_TRUE(is_of_it("port 53/UDP of the nodes is in use by dns"));
  EXPECT_FALSE(is_of_it("port 8080/TCP of the nodes is in use by ssh")) << "it had that before";
  EXPECT_FALSE(is_of_it("port 53/TCP of the nodes is in use by dns"));
  EXPECT_TRUE(is_of_it("no quota is left")) << "whoever says that";
}

TEST(PublishedTest, NodesHaveAddressesInsideAndOutside) {
  const Json node = {{"status",
                      {{"addresses",
                        {{{"type", "InternalIP"}, {"address", "10.0.0.1"}},
                         {{"type", "Hostname"}, {"address", "n1"}},
                         {{"type", "ExternalIP"}, {"address", "192.0.2.1"}}}}}}};
  EXPECT_THAT(AddressesOf({node}), ElementsAre("10.0.0.1", "192.0.2.1"));
}

}  // namespace
}  // namespace skiff::cli::compose
