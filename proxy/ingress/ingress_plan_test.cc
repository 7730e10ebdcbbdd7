#include "proxy/ingress/ingress_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread_seconds.h"
#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(IngressPlanTest, ARuleLeadsToTheReadyEndpointsOfItsPort) {
  TestObjects objects;
  objects.AddService("web", {"10.0.0.1", "10.0.0.2"});
  objects.slices["web"]->endpoints[1].conditions.ready = false;
  objects.AddRule("a", "foo.com", "/api", "Prefix", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.prefix, ElementsAre(Pair("foo.com%2Fapi%2F", "default.web.80")));
  EXPECT_THAT(plan.exact, IsEmpty());
  EXPECT_THAT(plan.backends.at("default.web.80").endpoints,
              ElementsAre(Endpoint{"10.0.0.1", 8080}));
  EXPECT_EQ(ProblemsOf(plan, "a"), "");
}

TEST(IngressPlanTest, PathsArePutWhereTheirTypeSays) {
  TestObjects objects;
  objects.AddService("web", {});
  objects.AddRule("a", "", "/one", "Exact", "web");
  objects.AddRule("b", "*.foo.com", "/two", "ImplementationSpecific", "web");
  objects.AddRule("c", "foo.com", "", "ImplementationSpecific", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.exact, ElementsAre(Pair("%2Fone", "default.web.80")));
  EXPECT_THAT(plan.prefix, ElementsAre(Pair("*.foo.com%2Ftwo%2F", "default.web.80"),
                                       Pair("foo.com%2F", "default.web.80")));
}

TEST(IngressPlanTest, IngressesOfOurClassesAreServedAndThoseOfNone) {
  TestObjects objects;
  objects.AddClass("nginx", "k8s.io/ingress-nginx");
  objects.AddClass("also-ours", std::string(kIngressController));
  objects.AddService("web", {});
  for (const char* name : {"skiff", "nginx", "also-ours", "missing"}) {
    objects.AddRule(name, "", std::string("/") + name, "Exact", "web").spec.ingress_class_name =
        name;
  }
  auto& old = objects.AddRule("old", "", "/old", "Exact", "web");
  old.spec.ingress_class_name.reset();
  old.metadata.annotations["kubernetes.io/ingress.class"] = "skiff";
  objects.AddRule("none", "", "/none", "Exact", "web").spec.ingress_class_name.reset();
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.exact, UnorderedElementsAre(Pair("%2Fskiff", "default.web.80"),
                                               Pair("%2Falso-ours", "default.web.80"),
                                               Pair("%2Fold", "default.web.80"),
                                               Pair("%2Fnone", "default.web.80")));
}

TEST(IngressPlanTest, WhatNamesNoClassIsLeftAloneWhereOursIsSaidToBeNoDefault) {
  TestObjects objects;
  objects.AddClass("nginx", "k8s.io/ingress-nginx");
  objects.AddService("web", {});
  objects.AddRule("named", "", "/named", "Exact", "web");
  objects.AddRule("none", "", "/none", "Exact", "web").spec.ingress_class_name.reset();
  auto said = std::make_shared<networking_v1::IngressClass>(*objects.classes[0]);
  said->metadata.annotations["ingressclass.kubernetes.io/is-default-class"] = "false";
  objects.classes[0] = said;
  EXPECT_THAT(objects.Plan().exact, ElementsAre(Pair("%2Fnamed", "default.web.80")));
  objects.classes.erase(objects.classes.begin());
  EXPECT_THAT(objects.Plan().exact, IsEmpty()) << "no class of ours is there";
}

TEST(IngressPlanTest, ParametersOfAClassSayNothingAndThatIsTold) {
  TestObjects objects;
  objects.AddService("web", {});
  objects.AddRule("a", "", "/a", "Exact", "web");
  auto said = std::make_shared<networking_v1::IngressClass>(*objects.classes[0]);
  said->spec.parameters.emplace();
  objects.classes[0] = said;
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.exact, ElementsAre(Pair("%2Fa", "default.web.80")));
  EXPECT_THAT(ProblemsOf(plan, "a"),
              HasSubstr("UnsupportedParameters: it is served as without spec.parameters of the "
                        "IngressClass skiff"));
}

TEST(IngressPlanTest, WhatIsNotThereIsAnsweredBy503AndSaid) {
  TestObjects objects;
  objects.AddService("web", {});
  objects.AddService("away", {}).spec.type = "ExternalName";
  objects.AddRule("a", "", "/none", "Exact", "nobody");
  objects.AddRule("b", "", "/port", "Exact", "web")
      .spec.rules[0]
      .http->paths[0]
      .backend.service->port.number = 81;
  objects.AddRule("c", "", "/away", "Exact", "away");
  auto& resource = objects.AddRule("d", "", "/resource", "Exact", "web");
  resource.spec.rules[0].http->paths[0].backend.service.reset();
  const IngressPlan plan = objects.Plan();
  for (const char* path : {"%2Fnone", "%2Fport", "%2Faway", "%2Fresource"}) {
    EXPECT_EQ(plan.exact.at(path), kNoBackend) << path;
  }
  EXPECT_EQ(ProblemsOf(plan, "a"),
            "ServiceNotFound: service \"nobody\" not found; 503 is the answer to the path /none of "
            "host *\n");
  EXPECT_EQ(
      ProblemsOf(plan, "b"),
      "ServicePortNotFound: service \"web\" has no TCP port 81; 503 is the answer to the path "
      "/port of host *\n");
  EXPECT_THAT(ProblemsOf(plan, "c"), HasSubstr("of type ExternalName"));
  EXPECT_THAT(ProblemsOf(plan, "d"),
              HasSubstr("; 503 is the answer to the path /resource of host *"));
  // Its coming is waited for.
  EXPECT_TRUE(plan.services.contains("default/nobody"));
}

TEST(IngressPlanTest, APortHasANameOrANumber) {
  TestObjects objects;
  objects.AddService("web", {"10.0.0.1"});
  auto& port = objects.AddRule("a", "", "/", "Prefix", "web")
                   .spec.rules[0]
                   .http->paths[0]
                   .backend.service->port;
  port.number = 0;
  port.name = "http";
  EXPECT_THAT(objects.Plan().prefix, ElementsAre(Pair("%2F", "default.web.80")));
  port.name = "https";
  EXPECT_EQ(ProblemsOf(objects.Plan(), "a"),
            "ServicePortNotFound: service \"web\" has no TCP port https; 503 is the answer to the "
            "path / of "
            "host *\n");
}

TEST(IngressPlanTest, TheOlderOneHasAPathAndTheYoungerIsToldSo) {
  TestObjects objects;
  objects.AddService("first", {});
  objects.AddService("second", {});
  objects.AddRule("young", "foo.com", "/a/", "Prefix", "second").metadata.creation_timestamp =
      Time(TimePoint(std::chrono::seconds(1'800'000'000)));
  objects.AddRule("old", "foo.com", "/a", "Prefix", "first");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.prefix, ElementsAre(Pair("foo.com%2Fa%2F", "default.first.80")));
  EXPECT_EQ(ProblemsOf(plan, "young"),
            "PathTaken: the path /a/ of host foo.com is served for Ingress default/old\n");
  EXPECT_EQ(ProblemsOf(plan, "old"), "");
}

TEST(IngressPlanTest, ADefaultBackendIsForTheHostsOfItsRulesOrForAll) {
  TestObjects objects;
  objects.AddService("web", {});
  objects.AddIngress(
      "{metadata: {name: all}, spec: {defaultBackend: {service: {name: web, port: {number: "
      "80}}}}}");
  auto& some = objects.AddRule("some", "foo.com", "/a", "Prefix", "web");
  some.spec.default_backend = objects.ingresses[0]->spec.default_backend;
  EXPECT_THAT(objects.Plan().defaults,
              UnorderedElementsAre(Pair("-", "default.web.80"), Pair("foo.com", "default.web.80")));
}

TEST(IngressPlanTest, EndpointsThatEndServeWhereNoOtherDoes) {
  TestObjects objects;
  objects.AddService("web", {"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  auto& endpoints = objects.slices["web"]->endpoints;
  endpoints[0].conditions.ready = false;
  endpoints[0].conditions.serving = true;
  endpoints[0].conditions.terminating = true;
  endpoints[1].conditions.ready = false;
  endpoints[2].addresses = {"no address; server x 1.2.3.4"};
  objects.AddRule("a", "", "/", "Prefix", "web");
  EXPECT_THAT(objects.Plan().backends.at("default.web.80").endpoints,
              ElementsAre(Endpoint{"10.0.0.1", 8080}));
}

TEST(IngressPlanTest, APortsProtocolAndAffinityAreItsBackends) {
  TestObjects objects;
  const std::pair<const char*, BackendProtocol> kProtocols[] = {
      {"kubernetes.io/h2c", BackendProtocol::kH2c},   {"grpc", BackendProtocol::kH2c},
      {"kubernetes.io/ws", BackendProtocol::kHttp},   {"HTTPS", BackendProtocol::kHttps},
      {"kubernetes.io/wss", BackendProtocol::kHttps}, {"other", BackendProtocol::kHttp}};
  objects.AddRule("a", "", "/", "Prefix", "web");
  for (const auto& [name, protocol] : kProtocols) {
    auto& service = objects.AddService("web", {});
    service.spec.ports[0].app_protocol = name;
    service.spec.session_affinity = "ClientIP";
    for (const auto& [key, backend] : objects.Plan().backends) {
      EXPECT_EQ(backend.protocol, protocol) << name << " " << key;
      EXPECT_TRUE(backend.sticky) << key;
    }
  }
}

TEST(IngressPlanTest, OnesOfTlsAreThereASecondTimeForWhatCannotBeSentTwice) {
  TestObjects objects;
  objects.AddRule("a", "", "/", "Prefix", "web");
  auto& service = objects.AddService("web", {"10.0.0.1"});
  auto backends = objects.Plan().backends;
  EXPECT_EQ(backends.size(), 1u);
  EXPECT_TRUE(backends.at("default.web.80").once);
  service.spec.ports[0].app_protocol = "https";
  backends = objects.Plan().backends;
  EXPECT_EQ(backends.size(), 2u);
  EXPECT_FALSE(backends.at("default.web.80").once);
  EXPECT_TRUE(backends.at("default.web.80.once").once);
  EXPECT_EQ(backends.at("default.web.80.once").endpoints.size(), 1u);
  // What HAProxy holds is counted.
  for (size_t i = 0; i <= kEndpointsMax; ++i) {
    const std::string name = fmt::format("web{}", i / kBackendEndpointsMax);
    if (!objects.services.contains(name)) {
      objects.AddService(name, {}).spec.ports[0].app_protocol = "https";
      objects.AddRule(name, "", "/" + name, "Exact", name);
    }
    objects.slices[name]->endpoints.emplace_back().addresses = {
        fmt::format("10.{}.{}.{}", 1 + i / 62500, i / 250 % 250, i % 250)};
  }
  size_t count = 0;
  for (const auto& [name, backend] : objects.Plan().backends) count += backend.endpoints.size();
  EXPECT_EQ(count, kEndpointsMax / 2);
}

TEST(IngressPlanTest, TimesAreThoseOfTheIngressThatLeadsThere) {
  TestObjects objects;
  objects.AddService("web", {"10.0.0.1"});
  auto& slow = objects.AddRule("slow", "", "/slow", "Exact", "web");
  slow.metadata.annotations = {{"ingress.skiff.io/timeout-server", "1h30m"},
                               {"ingress.skiff.io/timeout-connect", "500ms"}};
  objects.AddRule("usual", "", "/usual", "Exact", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.exact, UnorderedElementsAre(Pair("%2Fslow", "default.web.80.500-5400000-"),
                                               Pair("%2Fusual", "default.web.80")));
  const BackendTimes& times = plan.backends.at("default.web.80.500-5400000-").times;
  EXPECT_EQ(times.server, 90min);
  EXPECT_EQ(times.connect, 500ms);
  EXPECT_FALSE(times.tunnel);
  EXPECT_EQ(plan.backends.at("default.web.80").times, BackendTimes());
  EXPECT_EQ(plan.backends.at("default.web.80.500-5400000-").endpoints.size(), 1u);
  EXPECT_EQ(ProblemsOf(plan, "slow"), "");
}

TEST(IngressPlanTest, ACertificateIsForTheHostsThatItIsNamedForFirst) {
  TestObjects objects;
  objects.certificates = {{"one", {"ONE", {}}}, {"two", {"TWO", {}}}};
  objects.AddIngress(
      "{metadata: {name: a}, spec: {tls: [{hosts: [a.com, b.com], secretName: one}]}}");
  objects.AddIngress(
      "{metadata: {name: b}, spec: {tls: [{hosts: [b.com, c.com], secretName: two},"
      " {hosts: [d.com], secretName: gone}, {hosts: ['x y'], secretName: two}]}}");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.certificates.at("default/one").hosts, ElementsAre("a.com", "b.com"));
  EXPECT_THAT(plan.certificates.at("default/two").hosts, ElementsAre("c.com"));
  EXPECT_EQ(ProblemsOf(plan, "b"),
            "HostTaken: host b.com has the certificate of secret default/one\n"
            "InvalidHost: the host \"x y\" is no name in DNS\n"
            "SecretNotFound: secret \"gone\": not found\n");
  EXPECT_TRUE(plan.secrets.contains("default/gone"));
}

TEST(IngressPlanTest, ACertificateWithoutHostsIsForThoseThatItNames) {
  TestObjects objects;
  objects.certificates = {{"one", {"ONE", {"b.com", "*.c.com"}}}, {"none", {"NONE", {}}}};
  objects.AddIngress("{metadata: {name: a}, spec: {tls: [{hosts: [a.com], secretName: one}]}}");
  objects.AddIngress("{metadata: {name: b}, spec: {tls: [{secretName: one}, {secretName: none}]}}");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.certificates.at("default/one").hosts, ElementsAre("*.c.com", "a.com", "b.com"));
  EXPECT_FALSE(plan.certificates.contains("default/none"));
  EXPECT_EQ(ProblemsOf(plan, "b"),
            "InvalidCertificate: secret \"none\": its certificate names no host\n");
}

TEST(IngressPlanTest, ACertificateForOtherHostsIsShownAndToldOf) {
  TestObjects objects;
  objects.certificates = {{"one", {"ONE", {"a.com", "*.c.com"}}}};
  objects.AddIngress(
      "{metadata: {name: a}, spec: {tls: [{hosts: [a.com, b.c.com, b.com, a.b.c.com], secretName: "
      "one}]}}");
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(plan.certificates.at("default/one").hosts.size(), 4);
  EXPECT_EQ(ProblemsOf(plan, "a"),
            "CertificateMismatch: secret \"one\": its certificate is for *.c.com, a.com, not for "
            "a.b.c.com\n"
            "CertificateMismatch: secret \"one\": its certificate is for *.c.com, a.com, not for "
            "b.com\n");
}

// An Ingress may name a hundred thousand hosts or Secrets, and a certificate tens of thousands.
TEST(IngressPlanTest, WhatIsWrongWithManyHostsIsToldInFewWords) {
  constexpr int kNames = 3000;
  TestObjects objects;
  auto& certificate = objects.certificates["one"];
  certificate.pem = "ONE";
  for (int i = 0; i < kNames; ++i) certificate.names.insert(fmt::format("n{}.com", i));
  auto& many = objects.AddIngress("{metadata: {name: hosts}, spec: {tls: [{secretName: one}]}}");
  for (int i = 0; i < 2 * kNames; ++i) many.spec.tls[0].hosts.push_back(fmt::format("h{}.com", i));
  auto& entries = objects.AddIngress("{metadata: {name: entries}}").spec.tls;
  entries.resize(20'000);
  for (auto& entry : entries) entry.secret_name = "one";
  IngressPlan plan;
  EXPECT_LT(SecondsOf([&] { plan = objects.Plan(); }), 2);
  EXPECT_EQ(plan.certificates.at("default/one").hosts.size(), 3 * kNames);
  ASSERT_EQ(plan.ingresses[0].problems.size(), kProblemsMax);
  EXPECT_EQ(plan.ingresses[0].problems.begin()->message,
            "secret \"one\": its certificate is for n0.com, n1.com, n10.com and 2997 more, not for "
            "h0.com");
  EXPECT_EQ(ProblemsOf(plan, "entries"), "");
}

// Of two for one host HAProxy shows whichever it likes, so there must not be two.
TEST(IngressPlanTest, ACertificateThatNamesAnothersHostIsNotShownThere) {
  TestObjects objects;
  objects.certificates = {{"old", {"OLD", {}}}, {"evil", {"EVIL", {"a.com", "b.com"}}}};
  objects.AddIngress("{metadata: {name: a}, spec: {tls: [{hosts: [a.com], secretName: old}]}}");
  objects.AddIngress("{metadata: {name: b}, spec: {tls: [{secretName: evil}]}}");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.certificates.at("default/old").hosts, ElementsAre("a.com"));
  EXPECT_THAT(plan.certificates.at("default/evil").hosts, ElementsAre("b.com"));
  EXPECT_EQ(ProblemsOf(plan, "b"),
            "HostTaken: host a.com has the certificate of secret default/old\n");
}

// An Ingress of that namespace with so many exact paths, "/NAMESPACE-0" and so on.
void AddManyPaths(TestObjects& objects, const std::string& ns, size_t count) {
  auto& ingress = objects.AddRule(ns, "", "/", "Exact", "web");
  ingress.metadata.namespace_ = ns;
  auto& paths = ingress.spec.rules[0].http->paths;
  paths.resize(count, paths[0]);
  for (size_t i = 0; i < count; ++i) paths[i].path = fmt::format("/{}-{}", ns, i);
}

TEST(IngressPlanTest, ThereIsAnEndOfRoutes) {
  TestObjects objects;
  objects.AddService("web", {});
  for (const char* ns : {"a", "b"}) AddManyPaths(objects, ns, kRoutesMax / 2);
  AddManyPaths(objects, "c", 1);
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(plan.exact.size(), kRoutesMax);
  EXPECT_EQ(ProblemsOf(plan, "c"),
            "TooManyRoutes: all Ingresses together have more than 50000 paths\n");
}

TEST(IngressPlanTest, OneNamespaceDoesNotHaveAllTheRoutes) {
  TestObjects objects;
  objects.AddService("web", {});
  AddManyPaths(objects, "greedy", kRoutesMax + 1);
  AddManyPaths(objects, "other", 1);
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(plan.exact.size(), kRoutesMax / 2 + 1);
  EXPECT_TRUE(plan.exact.contains("%2Fother-0"));
  EXPECT_EQ(ProblemsOf(plan, "greedy"),
            "TooManyRoutes: the Ingresses of namespace greedy have more than 25000 paths\n");
  EXPECT_EQ(ProblemsOf(plan, "other"), "");
}

// It is planned anew with each change of any of them.
TEST(IngressPlanTest, ManyPathsToManyPortsOfOneServiceArePlannedInTime) {
  TestObjects objects;
  constexpr int kPorts = 15'000;
  auto& service = objects.AddService("web", {"10.0.0.1"});
  service.spec.ports.resize(kPorts, service.spec.ports[0]);
  for (int i = 0; i < kPorts; ++i) {
    service.spec.ports[i].name = "p" + std::to_string(i);
    service.spec.ports[i].port = i + 1;
  }
  AddManyPaths(objects, "a", kRoutesMax / 2);
  for (auto& path : objects.ingresses.back()->spec.rules[0].http->paths) {
    path.backend.service->port.number = kPorts;
  }
  IngressPlan plan;
  EXPECT_LT(SecondsOf([&] { plan = objects.Plan(); }), 1);
  EXPECT_EQ(plan.exact.at("%2Fa-0"), "a.web.15000");
}

// Each port of a slice has each of its addresses: of 8,000 and 1,000 there are millions.
TEST(IngressPlanTest, ThereIsAnEndOfBackendsAndEndpoints) {
  TestObjects objects;
  constexpr int kPorts = 8000, kAddresses = 1000;
  auto& service = objects.AddService("web", {});
  service.spec.ports.resize(kPorts, service.spec.ports[0]);
  auto& slice = *objects.slices["web"];
  slice.ports.resize(kPorts, slice.ports[0]);
  auto& paths = objects.AddRule("many", "", "/", "Exact", "web").spec.rules[0].http->paths;
  paths.resize(kPorts, paths[0]);
  for (int i = 0; i < kPorts; ++i) {
    service.spec.ports[i].name = slice.ports[i].name.emplace() = "p" + std::to_string(i);
    service.spec.ports[i].port = slice.ports[i].port.emplace() = i + 1;
    paths[i].path = "/" + std::to_string(i);
    paths[i].backend.service->port.number = i + 1;
  }
  for (int i = 0; i < kAddresses; ++i) {
    slice.endpoints.emplace_back().addresses = {fmt::format("10.0.{}.{}", i / 250, i % 250)};
  }
  objects.AddService("other", {"10.1.0.1"});
  objects.AddRule("other", "", "/other", "Exact", "other").metadata.namespace_ = "other";
  IngressPlan plan;
  EXPECT_LT(SecondsOf([&] { plan = objects.Plan(); }), 2);
  size_t count = 0;
  for (const auto& [name, backend] : plan.backends) count += backend.endpoints.size();
  EXPECT_EQ(count, kEndpointsMax / 2 + 1);
  EXPECT_EQ(plan.backends.size(), kBackendsMax / 2 + 1);
  EXPECT_EQ(plan.backends.at("other.other.80").endpoints.size(), 1u);
  EXPECT_EQ(ProblemsOf(plan, "many"),
            "TooManyBackends: the Ingresses of namespace default have more than 2500 backends\n"
            "TooManyEndpoints: the Ingresses of namespace default have more than 10000 "
            "endpoints\n");
}

TEST(IngressPlanTest, OneBackendHasNoMoreEndpointsThanCanTakeTurns) {
  TestObjects objects;
  std::vector<std::string> ips;
  for (size_t i = 0; i <= kBackendEndpointsMax; ++i) {
    ips.push_back(fmt::format("10.0.{}.{}", i / 250, i % 250));
  }
  objects.AddService("web", ips);
  objects.AddRule("a", "", "/", "Prefix", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(plan.backends.at("default.web.80").endpoints.size(), kBackendEndpointsMax);
  EXPECT_EQ(ProblemsOf(plan, "a"),
            "TooManyEndpoints: service \"web\" has more than 4000 endpoints\n");
}

TEST(IngressPlanTest, OneNamespaceDoesNotHaveAllTheCertificatesHosts) {
  TestObjects objects;
  objects.certificates["one"].pem = "PEM\n";
  for (const char* ns : {"greedy", "other"}) {
    auto& ingress = objects.AddIngress("{metadata: {name: a}}");
    ingress.metadata.name = ingress.metadata.namespace_ = ns;
    auto& tls = ingress.spec.tls.emplace_back();
    tls.secret_name = "one";
    for (size_t i = 0; i <= kCertifiedHostsMax / 2; ++i) {
      tls.hosts.push_back(fmt::format("{}-{}.com", ns, i));
      if (ns == std::string("other")) break;
    }
  }
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(plan.certificates.at("greedy/one").hosts.size(), kCertifiedHostsMax / 2);
  EXPECT_EQ(plan.certificates.at("other/one").hosts.size(), 1u);
  EXPECT_EQ(ProblemsOf(plan, "greedy"),
            "TooManyHosts: the Ingresses of namespace greedy have more than 10000 hosts for TLS\n");
}

TEST(IngressPlanTest, OneNamespaceDoesNotHaveAllTheCertificates) {
  TestObjects objects;
  for (const char* ns : {"greedy", "other"}) {
    auto& ingress = objects.AddIngress("{metadata: {name: a}}");
    ingress.metadata.name = ingress.metadata.namespace_ = ns;
    const size_t count = ns == std::string("other") ? 1 : kCertificatesMax / 2 + 1;
    for (size_t i = 0; i < count; ++i) {
      auto& tls = ingress.spec.tls.emplace_back();
      tls.secret_name = fmt::format("{}-{}", ns, i);
      tls.hosts = {tls.secret_name + ".com"};
      objects.certificates[tls.secret_name].pem = "PEM\n";
    }
  }
  const IngressPlan plan = objects.Plan();
  EXPECT_EQ(plan.certificates.size(), kCertificatesMax / 2 + 1);
  EXPECT_TRUE(plan.certificates.contains("other/other-0"));
  EXPECT_EQ(ProblemsOf(plan, "greedy"),
            "TooManyCertificates: the Ingresses of namespace greedy have more than 1000 "
            "certificates\n");
}

// What only names look like is looked at by nobody: the API takes any that could be in DNS.
TEST(IngressPlanTest, NoEndpointIsOnThisMachineAloneOrAName) {
  TestObjects objects;
  objects.AddService("web", {"127.0.0.1", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1",
                             "224.0.0.1", "::ffff:127.0.0.1", "10.0.0.1"});
  objects.AddService("named", {"127.0.0.1", "0.0.0.0", "10.0.0.2", "pod.example.com"});
  objects.slices["named"]->address_type = "FQDN";
  objects.AddRule("a", "", "/a", "Prefix", "web");
  objects.AddRule("b", "", "/b", "Prefix", "named");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.backends.at("default.web.80").endpoints,
              ElementsAre(Endpoint{"10.0.0.1", 8080}));
  EXPECT_THAT(plan.backends.at("default.named.80").endpoints, IsEmpty());
}

// HAProxy would take the end of so long a line for a line of its own.
TEST(IngressPlanTest, APathThatIsTooLongForALineIsNotServedAndToldSo) {
  TestObjects objects;
  objects.AddService("web", {});
  const std::string fits(kRouteKeyBytesMax - std::string("foo.com%2F").size(), 'x');
  objects.AddRule("fits", "foo.com", "/" + fits, "Exact", "web");
  objects.AddRule("long", "foo.com", "/x" + fits, "Exact", "web");
  // Each of these bytes is three of the key.
  objects.AddRule("escaped", "", "/" + std::string(kRouteKeyBytesMax / 2, '!'), "Prefix", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.exact, ElementsAre(Pair("foo.com%2F" + fits, "default.web.80")));
  EXPECT_THAT(plan.prefix, IsEmpty());
  EXPECT_EQ(ProblemsOf(plan, "fits"), "");
  EXPECT_EQ(ProblemsOf(plan, "long"),
            "PathTooLong: a path of host foo.com has more than 8192 bytes with what has to be "
            "escaped\n");
  EXPECT_THAT(ProblemsOf(plan, "escaped"), HasSubstr("PathTooLong: a path of host * has"));
}

// The API refuses only some of them, and only of Exact and Prefix.
TEST(IngressPlanTest, APathThatNoRequestIsLedByIsToldSo) {
  TestObjects objects;
  objects.AddService("web", {});
  const char* never[] = {"/a/./b",      "/a/../b",   "/a/..",  "/a/.",
                         "/a/%2e%2E/b", "/a\\..\\b", "/..;x/b"};
  for (const char* path : never) {
    objects.AddRule(path, "foo.com", path, "ImplementationSpecific", "web");
  }
  objects.AddRule("encoded", "", "/%2e/", "Exact", "web");
  objects.AddRule("fine", "", "/a.b/.c/..d/.../e..", "ImplementationSpecific", "web");
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.prefix, ElementsAre(Pair("%2Fa.b%2F.c%2F..d%2F...%2Fe..%2F", "default.web.80")));
  EXPECT_THAT(plan.exact, IsEmpty());
  for (const char* path : never) {
    EXPECT_EQ(ProblemsOf(plan, path),
              "PathNeverAsked: no request is led by a path with . or .. in it, which are resolved "
              "before or refused: " +
                  std::string(path) + " of host foo.com\n");
  }
  EXPECT_THAT(ProblemsOf(plan, "encoded"), HasSubstr("refused: /%2e/ of host *"));
  EXPECT_EQ(ProblemsOf(plan, "fine"), "");
}

}  // namespace
}  // namespace skiff::ingress
