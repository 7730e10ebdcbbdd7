// Answers about the cluster's names, from Services and EndpointSlices to bytes that ldns reads.
#include "dns/answer.h"

#include <gmock/gmock.h>

#include "dns/cluster_names.h"
#include "dns/service_record.h"
#include "dns/test_messages.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kSoa[] =
    "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5";

core_v1::Service Service(const std::string& namespace_, const std::string& name,
                         const std::string& cluster_ip) {
  core_v1::Service service;
  service.metadata.namespace_ = namespace_;
  service.metadata.name = name;
  service.spec.type = "ClusterIP";
  service.spec.cluster_ip = cluster_ip;
  service.spec.cluster_ips = {cluster_ip};
  return service;
}

core_v1::Service ExternalName(const std::string& name, const std::string& target) {
  core_v1::Service service = Service("default", name, "");
  service.spec.type = "ExternalName";
  service.spec.external_name = target;
  return service;
}

core_v1::ServicePort Port(const std::string& name, const std::string& protocol, int port) {
  core_v1::ServicePort made;
  made.name = name;
  made.protocol = protocol;
  made.port = port;
  return made;
}

discovery_v1::Endpoint Endpoint(const std::string& address, const std::string& hostname = "",
                                std::optional<bool> ready = true) {
  discovery_v1::Endpoint endpoint;
  endpoint.addresses = {address};
  if (!hostname.empty()) endpoint.hostname = hostname;
  endpoint.conditions.ready = ready;
  return endpoint;
}

using Slices = std::vector<std::shared_ptr<const discovery_v1::EndpointSlice>>;

std::shared_ptr<discovery_v1::EndpointSlice> Slice(std::vector<discovery_v1::Endpoint> endpoints,
                                                   const std::string& port_name = "",
                                                   int port = 0) {
  auto slice = std::make_shared<discovery_v1::EndpointSlice>();
  slice->address_type =
      endpoints.empty() || endpoints[0].addresses[0].find(':') == std::string::npos ? "IPv4"
                                                                                    : "IPv6";
  slice->endpoints = std::move(endpoints);
  if (port != 0) {
    discovery_v1::EndpointPort made;
    made.name = port_name;
    made.protocol = "TCP";
    made.port = port;
    slice->ports.push_back(made);
  }
  return slice;
}

class AnswerTest : public ::testing::Test {
 protected:
  AnswerTest() {
    options_.zone = *Name::FromText("cluster.local");
    builder_.SetNamespaces({"default", "kube-system", "empty"});
    core_v1::Service web = Service("default", "web", "10.96.0.20");
    web.spec.cluster_ips = {"10.96.0.20", "fd00:96::20"};
    web.spec.ports = {Port("http", "TCP", 80), Port("stats", "UDP", 9000)};
    Add(web, {Slice({Endpoint("10.244.0.5"), Endpoint("10.244.0.6", "", false)}, "http", 8080)});
    Add(Service("kube-system", "kube-dns", "10.96.0.10"), {});
  }
  void Add(const core_v1::Service& service, const Slices& slices) {
    builder_.Set(service.metadata.namespace_, service.metadata.name,
                 MakeServiceRecord(service, slices));
    view_ = builder_.Build(serial_);
  }
  Outcome Run(const TestQuery& query, bool tcp = false) {
    query_ = Query();
    return Answer(MakeQuery(query), view_.get(), options_, tcp, 42, space_, &query_);
  }
  TestReply Ask(const TestQuery& query, bool tcp = false) {
    const Outcome outcome = Run(query, tcp);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kReply) << query.name;
    TestReply reply = ReadReply(outcome.message);
    EXPECT_TRUE(reply.parsed) << query.name;
    EXPECT_EQ(reply.id, query.id);
    return reply;
  }
  void ExpectMissing(const std::string& name, uint16_t type = type::kA) {
    const TestReply reply = Ask({.name = name, .type = type});
    EXPECT_EQ(reply.rcode, 3) << name;
    EXPECT_THAT(reply.answer, IsEmpty()) << name;
    EXPECT_THAT(reply.authority, ElementsAre(Soa())) << name;
  }
  void ExpectNoData(const std::string& name, uint16_t type) {
    const TestReply reply = Ask({.name = name, .type = type});
    EXPECT_EQ(reply.rcode, 0) << name;
    EXPECT_THAT(reply.answer, IsEmpty()) << name;
    EXPECT_THAT(reply.authority, ElementsAre(Soa())) << name;
  }
  std::string Soa() const {
    std::string soa = kSoa;
    return soa.replace(soa.find(" 7 "), 3, " " + std::to_string(view_->serial()) + " ");
  }

  const uint32_t serial_ = 7;
  ZoneOptions options_;
  ViewBuilder builder_;
  std::shared_ptr<const View> view_;
  Query query_;
  std::vector<uint8_t> space_ = std::vector<uint8_t>(kMessageBytesMax);
};

TEST_F(AnswerTest, AServiceHasTheAddressesOfItsFamilies) {
  TestReply reply = Ask({.name = "web.default.svc.cluster.local", .type = type::kA});
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_TRUE(reply.authoritative);
  EXPECT_TRUE(reply.recursion_available);
  EXPECT_TRUE(reply.recursion_desired);
  EXPECT_THAT(reply.answer, ElementsAre("web.default.svc.cluster.local. 5 IN A 10.96.0.20"));
  EXPECT_THAT(reply.authority, IsEmpty());
  reply = Ask({.name = "web.default.svc.cluster.local", .type = type::kAaaa});
  EXPECT_THAT(reply.answer, ElementsAre("web.default.svc.cluster.local. 5 IN AAAA fd00:96::20"));
}

TEST_F(AnswerTest, NamesAreFoundInAnyCaseAndComeBackAsAsked) {
  const TestReply reply = Ask({.name = "WeB.dEfAuLt.SVC.Cluster.LOCAL"});
  EXPECT_THAT(reply.question, ::testing::StartsWith("WeB.dEfAuLt.SVC.Cluster.LOCAL."));
  EXPECT_THAT(reply.answer, ElementsAre("WeB.dEfAuLt.SVC.Cluster.LOCAL. 5 IN A 10.96.0.20"));
}

TEST_F(AnswerTest, SrvNamesOneTargetForEachPortAsked) {
  TestReply reply = Ask({.name = "_http._tcp.web.default.svc.cluster.local", .type = type::kSrv});
  EXPECT_THAT(reply.answer, ElementsAre("_http._tcp.web.default.svc.cluster.local. 5 IN SRV 0 100 "
                                        "80 web.default.svc.cluster.local."));
  EXPECT_THAT(reply.additional,
              ElementsAre("web.default.svc.cluster.local. 5 IN A 10.96.0.20",
                          "web.default.svc.cluster.local. 5 IN AAAA fd00:96::20"));
  reply = Ask({.name = "web.default.svc.cluster.local", .type = type::kSrv});
  EXPECT_THAT(
      reply.answer,
      ElementsAre("web.default.svc.cluster.local. 5 IN SRV 0 50 80 web.default.svc.cluster.local.",
                  "web.default.svc.cluster.local. 5 IN SRV 0 50 9000 "
                  "web.default.svc.cluster.local."));
  ExpectMissing("_http._udp.web.default.svc.cluster.local", type::kSrv);
  ExpectMissing("_nope._tcp.web.default.svc.cluster.local", type::kSrv);
}

// As the API takes it: whoever has a Service asks for its name as often as they like.
TEST_F(AnswerTest, AServiceOfManyPortsIsLookedThroughOnce) {
  constexpr int kPorts = 20'000;
  core_v1::Service web = Service("default", "wide", "10.96.0.21");
  auto slice = Slice({Endpoint("10.244.0.7", "a"), Endpoint("10.244.0.8", "b")});
  for (int i = 0; i < kPorts; ++i) {
    // Every other one is another name for the same.
    web.spec.ports.push_back(Port("p" + std::to_string(i), i % 2 == 0 ? "TCP" : "UDP", 1 + i / 2));
    discovery_v1::EndpointPort& port = slice->ports.emplace_back();
    port.name = "p" + std::to_string(i);
    port.port = 1 + i / 2;
  }
  Add(web, {slice});
  core_v1::Service headless = web;
  headless.metadata.name = "bare";
  headless.spec.cluster_ip = "None";
  Add(headless, {slice});
  for (const char* name : {"wide", "bare", "b.bare"}) {
    const Name asked = *Name::FromText(name + std::string(".default.svc.cluster.local"));
    const ClusterName found = FindClusterName(*view_, asked, options_.zone, {});
    ASSERT_THAT(found.targets, SizeIs(kSrvTargetsMax)) << name;
    for (size_t i = 0; i < found.targets.size(); ++i) ASSERT_EQ(found.targets[i].port, 1 + i);
  }
  EXPECT_THAT(Ask({.name = "bare.default.svc.cluster.local"}).answer, SizeIs(2));
  EXPECT_TRUE(Ask({.name = "bare.default.svc.cluster.local", .type = type::kSrv}, true).truncated);
}

// The names of ports are guessed one after the other by whoever likes to.
TEST_F(AnswerTest, PortsAreFoundByTheirNames) {
  const ServicePorts ports(std::vector<ServicePort>{{"web", "tcp", 80},
                                                    {"web", "udp", 443},
                                                    {"", "tcp", 81},
                                                    {"alt", "tcp", 80},
                                                    {"webs", "tcp", 82}});
  const auto found = [&](std::string_view protocol, std::string_view name) {
    const auto numbers = ports.Find(protocol, name);
    return std::vector<int>(numbers.begin(), numbers.end());
  };
  EXPECT_THAT(found("tcp", "web"), ElementsAre(80));
  EXPECT_THAT(found("udp", "web"), ElementsAre(443));
  EXPECT_THAT(found("udp", "alt"), IsEmpty());
  EXPECT_THAT(found("sctp", ""), IsEmpty());
  EXPECT_THAT(found("tcp", ""), UnorderedElementsAre(80, 80, 81, 82));
  EXPECT_THAT(found("", ""), ElementsAre(80, 443, 81, 82)) << "each once";
}

// However many endpoints a service has: what no message holds is not gathered for one.
TEST_F(AnswerTest, NoMoreAddressesAreGatheredThanAMessageHolds) {
  std::vector<discovery_v1::Endpoint> endpoints;
  for (int i = 0; i < 6000; ++i) {
    endpoints.push_back(
        Endpoint("10.244." + std::to_string(i / 250) + "." + std::to_string(i % 250), "same"));
  }
  Add(Service("default", "huge", "None"), {Slice(endpoints, "http", 80)});
  for (const char* label : {"same.", "_http._tcp."}) {
    const Name asked = *Name::FromText(label + std::string("huge.default.svc.cluster.local"));
    const ClusterName found = FindClusterName(*view_, asked, options_.zone, {});
    EXPECT_THAT(found.addresses(), SizeIs(kAddressesMax)) << label;
    EXPECT_THAT(found.targets, SizeIs(1)) << label;
  }
  const Name whole = *Name::FromText("huge.default.svc.cluster.local");
  const ClusterName found = FindClusterName(*view_, whole, options_.zone, {});
  EXPECT_THAT(found.addresses(), SizeIs(6000));
  EXPECT_THAT(found.gathered, IsEmpty()) << "they lie in the view";
  EXPECT_TRUE(Ask({.name = "huge.default.svc.cluster.local"}, true).truncated);
}

TEST_F(AnswerTest, AnAddressLosesTheNamesThatAreGone) {
  const auto slice = [](const std::vector<std::string>& names) {
    std::vector<discovery_v1::Endpoint> endpoints;
    for (const std::string& name : names) endpoints.push_back(Endpoint("10.244.0.7", name));
    return Slice(endpoints, "http", 80);
  };
  Add(Service("default", "db", "None"), {slice({"a", "b", "c", "d"})});
  Add(Service("default", "other", "None"), {slice({"b"})});
  Add(Service("default", "db", "None"), {slice({"b", "e"})});
  const auto* names = view_->NamesOf(*ParseIp("10.244.0.7"));
  ASSERT_NE(names, nullptr);
  EXPECT_THAT(*names, ElementsAre("b.db.default.svc", "b.other.default.svc", "e.db.default.svc"));
}

TEST_F(AnswerTest, EachLabelHasItsPortsOnce) {
  auto few = Slice({Endpoint("10.244.0.7", "a"), Endpoint("10.244.0.8", "a")});
  auto many = Slice({Endpoint("10.244.0.9", "b"), Endpoint("10.244.0.10", "b")});
  for (int i = 0; i < 50; ++i) {
    (i < 3 ? few : many)->ports.emplace_back().port = 1 + i / 2;
  }
  Add(Service("default", "twins", "None"), {few, many});
  const Name asked = *Name::FromText("twins.default.svc.cluster.local");
  const ClusterName found = FindClusterName(*view_, asked, options_.zone, {});
  std::vector<std::pair<std::string, int>> told, wanted = {{"a", 1}, {"a", 2}};
  for (int port = 2; port <= 25; ++port) wanted.emplace_back("b", port);
  for (const SrvTarget& each : found.targets) told.emplace_back(each.endpoint->label, each.port);
  EXPECT_EQ(told, wanted);
}

TEST_F(AnswerTest, WhatExistsWithoutSuchRecordsIsNoError) {
  for (const char* name :
       {"cluster.local", "svc.cluster.local", "pod.cluster.local", "dns.cluster.local",
        "default.svc.cluster.local", "default.pod.cluster.local", "empty.svc.cluster.local"}) {
    ExpectNoData(name, type::kA);
  }
  ExpectNoData("web.default.svc.cluster.local", type::kTxt);
  ExpectNoData("kube-dns.kube-system.svc.cluster.local", type::kAaaa);
  ExpectNoData("_tcp.web.default.svc.cluster.local", type::kSrv);
  ExpectNoData("dns-version.cluster.local", type::kA);
}

TEST_F(AnswerTest, WhatDoesNotExistIsNxdomainWithTheSoa) {
  for (const char* name :
       {"nope.default.svc.cluster.local", "web.nope.svc.cluster.local", "nope.svc.cluster.local",
        "nope.pod.cluster.local", "nope.cluster.local", "a.b.c.d.e.svc.cluster.local",
        "x.web.default.svc.cluster.local", "_sctp.web.default.svc.cluster.local",
        "http.tcp.web.default.svc.cluster.local", "x.dns-version.cluster.local",
        "google.com.default.svc.cluster.local", "default.cluster.local"}) {
    ExpectMissing(name);
  }
}

TEST_F(AnswerTest, TheZoneHasItsSoaItsServerAndTheVersionOfTheSpecification) {
  EXPECT_THAT(Ask({.name = "cluster.local", .type = type::kSoa}).answer, ElementsAre(Soa()));
  const TestReply servers = Ask({.name = "cluster.local", .type = type::kNs});
  EXPECT_THAT(servers.answer, ElementsAre("cluster.local. 5 IN NS ns.dns.cluster.local."));
  EXPECT_THAT(servers.additional, ElementsAre("ns.dns.cluster.local. 5 IN A 10.96.0.10"));
  EXPECT_THAT(Ask({.name = "ns.dns.cluster.local"}).answer,
              ElementsAre("ns.dns.cluster.local. 5 IN A 10.96.0.10"));
  EXPECT_THAT(Ask({.name = "dns-version.cluster.local", .type = type::kTxt}).answer,
              ElementsAre("dns-version.cluster.local. 5 IN TXT \"1.1.0\""));
}

TEST_F(AnswerTest, AHeadlessServiceHasItsReadyEndpoints) {
  Add(Service("default", "db", "None"),
      {Slice({Endpoint("10.244.0.7", "db-0"), Endpoint("10.244.0.8", "", std::nullopt),
              Endpoint("10.244.0.9", "db-2", false)},
             "sql", 5432),
       Slice({Endpoint("fd00::7", "db-0")}, "sql", 5432)});
  EXPECT_THAT(Ask({.name = "db.default.svc.cluster.local"}).answer,
              UnorderedElementsAre("db.default.svc.cluster.local. 5 IN A 10.244.0.7",
                                   "db.default.svc.cluster.local. 5 IN A 10.244.0.8"));
  EXPECT_THAT(Ask({.name = "db-0.db.default.svc.cluster.local"}).answer,
              ElementsAre("db-0.db.default.svc.cluster.local. 5 IN A 10.244.0.7"));
  EXPECT_THAT(Ask({.name = "db-0.db.default.svc.cluster.local", .type = type::kAaaa}).answer,
              ElementsAre("db-0.db.default.svc.cluster.local. 5 IN AAAA fd00::7"));
  EXPECT_THAT(Ask({.name = "10-244-0-8.db.default.svc.cluster.local"}).answer, SizeIs(1));
  ExpectMissing("db-2.db.default.svc.cluster.local");
  ExpectMissing("db-1.db.default.svc.cluster.local");
  const TestReply srv = Ask(
      {.name = "_sql._tcp.db.default.svc.cluster.local", .type = type::kSrv, .udp_bytes = 1232});
  EXPECT_THAT(srv.answer,
              UnorderedElementsAre("_sql._tcp.db.default.svc.cluster.local. 5 IN SRV 0 50 5432 "
                                   "db-0.db.default.svc.cluster.local.",
                                   "_sql._tcp.db.default.svc.cluster.local. 5 IN SRV 0 50 5432 "
                                   "10-244-0-8.db.default.svc.cluster.local."));
  EXPECT_THAT(srv.additional,
              UnorderedElementsAre("db-0.db.default.svc.cluster.local. 5 IN A 10.244.0.7",
                                   "db-0.db.default.svc.cluster.local. 5 IN AAAA fd00::7",
                                   "10-244-0-8.db.default.svc.cluster.local. 5 IN A 10.244.0.8"));
}

TEST_F(AnswerTest, AHeadlessServiceWithoutReadyEndpointsHasNoName) {
  Add(Service("default", "db", "None"), {Slice({Endpoint("10.244.0.7", "", false)}, "sql", 5432)});
  ExpectMissing("db.default.svc.cluster.local");
  core_v1::Service published = Service("default", "db", "None");
  published.spec.publish_not_ready_addresses = true;
  Add(published, {Slice({Endpoint("10.244.0.7", "", false)}, "sql", 5432)});
  EXPECT_THAT(Ask({.name = "db.default.svc.cluster.local"}).answer, SizeIs(1));
}

TEST_F(AnswerTest, AHeadlessServiceWithoutPortsStillHasAddresses) {
  Add(Service("default", "bare", "None"), {Slice({Endpoint("10.244.0.7", "one")})});
  EXPECT_THAT(Ask({.name = "bare.default.svc.cluster.local"}).answer, SizeIs(1));
  EXPECT_THAT(Ask({.name = "one.bare.default.svc.cluster.local"}).answer, SizeIs(1));
  ExpectNoData("bare.default.svc.cluster.local", type::kSrv);
}

TEST_F(AnswerTest, EndpointsOfAnOrdinaryServiceHaveNamesToo) {
  EXPECT_THAT(Ask({.name = "10-244-0-5.web.default.svc.cluster.local"}).answer,
              ElementsAre("10-244-0-5.web.default.svc.cluster.local. 5 IN A 10.244.0.5"));
  ExpectMissing("10-244-0-6.web.default.svc.cluster.local");
}

TEST_F(AnswerTest, PodNamesAreTheirAddresses) {
  EXPECT_THAT(Ask({.name = "10-244-0-99.default.pod.cluster.local"}).answer,
              ElementsAre("10-244-0-99.default.pod.cluster.local. 5 IN A 10.244.0.99"));
  EXPECT_THAT(Ask({.name = "fd00--5.default.pod.cluster.local", .type = type::kAaaa}).answer,
              ElementsAre("fd00--5.default.pod.cluster.local. 5 IN AAAA fd00::5"));
  ExpectNoData("10-244-0-99.default.pod.cluster.local", type::kAaaa);
  ExpectMissing("10-244-0-256.default.pod.cluster.local");
  ExpectMissing("web.default.pod.cluster.local");
  ExpectMissing("10-244-0-99.nope.pod.cluster.local");
  ExpectMissing("x.10-244-0-99.default.pod.cluster.local");
}

TEST_F(AnswerTest, AddressesHaveTheNamesOfServicesAndEndpoints) {
  EXPECT_THAT(Ask({.name = "20.0.96.10.in-addr.arpa", .type = type::kPtr}).answer,
              ElementsAre("20.0.96.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local."));
  EXPECT_THAT(
      Ask({.name = "5.0.244.10.in-addr.arpa", .type = type::kPtr}).answer,
      ElementsAre("5.0.244.10.in-addr.arpa. 5 IN PTR 10-244-0-5.web.default.svc.cluster.local."));
  const std::string v6 = "0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa";
  EXPECT_THAT(Ask({.name = v6, .type = type::kPtr}).answer,
              ElementsAre(v6 + ". 5 IN PTR web.default.svc.cluster.local."));
  // Addresses of others are for others to name.
  EXPECT_EQ(Run({.name = "8.8.8.8.in-addr.arpa", .type = type::kPtr}).kind,
            Outcome::Kind::kForward);
  EXPECT_EQ(Run({.name = "96.10.in-addr.arpa", .type = type::kPtr}).kind, Outcome::Kind::kForward);
}

TEST_F(AnswerTest, AnExternalNameLeadsToOthersOrBackIntoTheZone) {
  Add(ExternalName("ext", "www.example.com"), {});
  const Outcome outcome = Run({.name = "ext.default.svc.cluster.local"});
  EXPECT_EQ(outcome.kind, Outcome::Kind::kForward);
  ASSERT_THAT(outcome.targets, SizeIs(1));
  EXPECT_EQ(outcome.targets[0].Text(), "www.example.com.");
  EXPECT_THAT(Ask({.name = "ext.default.svc.cluster.local", .type = type::kCname}).answer,
              ElementsAre("ext.default.svc.cluster.local. 5 IN CNAME www.example.com."));
  Add(ExternalName("inner", "web.default.svc.cluster.local"), {});
  EXPECT_THAT(
      Ask({.name = "inner.default.svc.cluster.local"}).answer,
      ElementsAre("inner.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local.",
                  "web.default.svc.cluster.local. 5 IN A 10.96.0.20"));
  Add(ExternalName("dangling", "nope.default.svc.cluster.local"), {});
  const TestReply dangling = Ask({.name = "dangling.default.svc.cluster.local"});
  EXPECT_EQ(dangling.rcode, 3);
  EXPECT_THAT(dangling.answer, SizeIs(1));
  Add(ExternalName("numeric", "192.0.2.1"), {});
  ExpectMissing("numeric.default.svc.cluster.local");
}

TEST_F(AnswerTest, AliasesThatLeadInACircleEnd) {
  Add(ExternalName("a", "b.default.svc.cluster.local"), {});
  Add(ExternalName("b", "a.default.svc.cluster.local"), {});
  const TestReply reply = Ask({.name = "a.default.svc.cluster.local"});
  EXPECT_EQ(reply.rcode, 2);
  EXPECT_THAT(reply.answer, SizeIs(kAliasesMax));
}

TEST_F(AnswerTest, OthersNamesAreForwardedIfSomebodyIsThere) {
  EXPECT_EQ(Run({.name = "example.com"}).kind, Outcome::Kind::kForward);
  EXPECT_EQ(Run({.name = "notcluster.local"}).kind, Outcome::Kind::kForward);
  EXPECT_EQ(Run({.name = "local"}).kind, Outcome::Kind::kForward);
  EXPECT_EQ(Run({.name = "."}).kind, Outcome::Kind::kForward);
  options_.forwards = false;
  const TestReply reply = Ask({.name = "example.com"});
  EXPECT_EQ(reply.rcode, 5);
  EXPECT_FALSE(reply.recursion_available);
}

TEST_F(AnswerTest, UntilTheClusterIsKnownItsNamesFail) {
  view_ = nullptr;
  EXPECT_EQ(Ask({.name = "web.default.svc.cluster.local"}).rcode, 2);
  EXPECT_EQ(Ask({.name = "1.0.96.10.in-addr.arpa", .type = type::kPtr}).rcode, 2);
  EXPECT_EQ(Run({.name = "example.com"}).kind, Outcome::Kind::kForward);
}

TEST_F(AnswerTest, TransfersAndOtherClassesAreRefused) {
  EXPECT_EQ(Ask({.name = "cluster.local", .type = type::kAxfr}).rcode, 5);
  EXPECT_EQ(Ask({.name = "cluster.local", .type = type::kIxfr}, true).rcode, 5);
  EXPECT_EQ(Ask({.name = "version.bind", .type = type::kTxt, .class_ = 3}).rcode, 5);
  EXPECT_EQ(Ask({.name = "cluster.local", .type = type::kMailb}).rcode, 4);
}

TEST_F(AnswerTest, EdnsIsAnsweredWithEdns) {
  EXPECT_FALSE(Ask({.name = "web.default.svc.cluster.local"}).edns);
  const TestReply reply =
      Ask({.name = "web.default.svc.cluster.local", .udp_bytes = 4096, .dnssec_ok = true});
  EXPECT_TRUE(reply.edns);
  EXPECT_EQ(reply.edns_bytes, 1232);
  EXPECT_TRUE(reply.dnssec_ok);
  const TestReply bad =
      Ask({.name = "web.default.svc.cluster.local", .udp_bytes = 4096, .edns_version = 1});
  EXPECT_TRUE(bad.edns);
  EXPECT_EQ(bad.extended_rcode, 1);
  EXPECT_EQ(bad.rcode, 0);
  EXPECT_THAT(bad.answer, IsEmpty());
}

TEST_F(AnswerTest, WhatDoesNotFitIsTruncatedAndSaysSo) {
  std::vector<discovery_v1::Endpoint> endpoints;
  for (int i = 0; i < 100; ++i) endpoints.push_back(Endpoint("10.244.1." + std::to_string(i)));
  Add(Service("default", "many", "None"), {Slice(endpoints, "http", 80)});
  const TestQuery plain{.name = "many.default.svc.cluster.local"};
  TestReply reply = Ask(plain);
  EXPECT_TRUE(reply.truncated);
  EXPECT_LE(reply.bytes, 512u);
  EXPECT_GT(reply.answer.size(), 20u);
  TestQuery edns = plain;
  edns.udp_bytes = 1232;
  reply = Ask(edns);
  EXPECT_TRUE(reply.truncated);
  EXPECT_TRUE(reply.edns);
  EXPECT_LE(reply.bytes, 1232u);
  // Less than the least that everybody takes counts as that.
  edns.udp_bytes = 100;
  EXPECT_GT(Ask(edns).bytes, 450u);
  reply = Ask(plain, true);
  EXPECT_FALSE(reply.truncated);
  EXPECT_THAT(reply.answer, SizeIs(100));
}

TEST_F(AnswerTest, AddressesComeInDifferentOrders) {
  Add(Service("default", "few", "None"),
      {Slice({Endpoint("10.244.1.1"), Endpoint("10.244.1.2"), Endpoint("10.244.1.3")}, "a", 1)});
  const auto query = MakeQuery({.name = "few.default.svc.cluster.local"});
  std::set<std::string> first;
  for (uint64_t random = 1; random < 100; ++random) {
    Query parsed;
    const Outcome outcome =
        Answer(query, view_.get(), options_, false, random * 0x9E3779B97F4A7C15, space_, &parsed);
    const TestReply reply = ReadReply(outcome.message);
    ASSERT_THAT(reply.answer, SizeIs(3));
    first.insert(reply.answer[0]);
  }
  EXPECT_THAT(first, SizeIs(3));
}

}  // namespace
}  // namespace skiff::dns
