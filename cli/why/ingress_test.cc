#include "base/certificates.h"
#include "base/hash.h"
#include "cli/why/service_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class WhyIngressTest : public WhyServiceTest {
 protected:
  static std::string IngressTo(const std::string& service, const std::string& port,
                               const std::string& more = "") {
    return "{kind: Ingress, metadata: {name: shop}, spec: {ingressClassName: nginx, " + more +
           "rules: [{host: a.b, http: {paths: [{path: /x, pathType: Prefix, backend: {service: "
           "{name: " +
           service + ", port: {number: " + port +
           "}}}}]}}]}, status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}}";
  }
  void AddAll() {
    Add("ingressclasses", "{metadata: {name: nginx}, spec: {controller: x}}");
    Add("services", kService);
    AddPod("a", kOwnLabels, true);
    AddSlice(kOneReady);
  }
};

TEST_F(WhyIngressTest, OneThatIsServedIsFine) {
  AddAll();
  EXPECT_EQ(Why(IngressTo("web", "80")),
            "ingress/shop is served, and something answers behind 1 route; nothing is wrong.\n"
            "  at 1.2.3.4  [status.loadBalancer.ingress]\n"
            "  a.b/x is service web, port 80  [spec.rules[0].http.paths[0].backend]\n");
}

TEST_F(WhyIngressTest, ServicesAndPortsThatAreNotThere) {
  AddAll();
  EXPECT_THAT(Why(IngressTo("wbe", "80")),
              StartsWith("ingress/shop: a.b/x leads to the service wbe, "
                         "which does not exist.\n"));
  const std::string text = Why(IngressTo("web", "81"));
  EXPECT_THAT(text, StartsWith("ingress/shop: a.b/x leads to port 81 of the service web, which has "
                               "no such port of TCP.\n"));
  EXPECT_THAT(text, HasSubstr("  80  [service/web spec.ports]\n"));
}

TEST_F(WhyIngressTest, OfItsServiceItsOwnPortMatters) {
  AddAll();
  auto& ports = facts_.lists["services"][0]["spec"]["ports"];
  ports.push_back({{"name", "b"}, {"port", 81}, {"targetPort", "nope"}});
  EXPECT_THAT(Why(IngressTo("web", "80")), HasSubstr("nothing is wrong"));
  EXPECT_THAT(Why(IngressTo("web", "81")),
              StartsWith("ingress/shop: nobody answers behind a.b/x, as service/web: port 81 leads "
                         "nowhere, "));
}

TEST_F(WhyIngressTest, AHostWithoutPathsLeadsNowhere) {
  AddAll();
  const std::string status = "}, status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}}";
  const std::string rules =
      "{kind: Ingress, metadata: {name: shop}, spec: {ingressClassName: nginx, rules: [{host: "
      "a.b}]";
  EXPECT_THAT(Why(rules + status),
              StartsWith("ingress/shop: a.b leads nowhere, as its rule has no paths and there is "
                         "no default backend.\n  no http.paths  [spec.rules[0]]\n"));
  EXPECT_THAT(Why(rules + ", defaultBackend: {service: {name: web, port: {number: 80}}}" + status),
              HasSubstr("nothing is wrong"));
}

TEST_F(WhyIngressTest, ThatNobodyServesItIsToldOnce) {
  AddAll();
  facts_.lists["ingressclasses"].clear();
  AddEvent("Ingress/shop", "NotImplemented", "nobody serves Ingresses here");
  EXPECT_THAT(Why(IngressTo("web", "80")),
              StartsWith("ingress/shop is served by nobody: there is no ingress class nginx"));
  EXPECT_EQ(explanation_.findings.size(), 1U);
}

TEST_F(WhyIngressTest, WhereNodesAreSimulatedNothingIsProposedThatDoesNotHelp) {
  AddAll();
  const std::string unserved =
      "{kind: Ingress, metadata: {name: shop}, spec: {ingressClassName: skiff, defaultBackend: "
      "{service: {name: web, port: {number: 80}}}}}";
  Add("nodes",
      "{kind: Node, metadata: {name: node-0}, status: {nodeInfo: "
      "{containerRuntimeVersion: 'fake://1.0'}}}");
  EXPECT_EQ(Why(unserved),
            "ingress/shop is served by nobody: all nodes are simulated, where no ingress "
            "controller can run; no class changes that.\n"
            "  fake://1.0  [node/node-0 status.nodeInfo.containerRuntimeVersion]\n"
            "  it can be served in a cluster whose nodes run containers: `skiff up` without "
            "--nodes, as root, or `skiff up --docker`  [docs/simulated.md]\n");
  Add("ingressclasses", "{metadata: {name: skiff}, spec: {controller: skiff.io/ingress}}");
  EXPECT_THAT(Why(unserved), StartsWith("ingress/shop is served by nobody: all nodes"));
  Add("nodes",
      "{kind: Node, metadata: {name: real}, status: {nodeInfo: "
      "{containerRuntimeVersion: 'containerd://2.0'}}}");
  EXPECT_THAT(Why(unserved), StartsWith("ingress/shop has no address"));
}

TEST_F(WhyIngressTest, APortOfUdpIsNoneThatRequestsCanBeLedTo) {
  AddAll();
  Add("services",
      "{kind: Service, metadata: {name: dns}, spec: {ports: [{port: 53, protocol: UDP}]}}");
  const std::string text = Why(IngressTo("dns", "53"));
  EXPECT_THAT(text, HasSubstr("port 53 of the service dns, which has no such port of TCP"));
  EXPECT_THAT(text, HasSubstr("  53/UDP  [service/dns spec.ports]\n"));
}

TEST_F(WhyIngressTest, WhatOnlyItsControllerFindsInACertificateIsToldUntilTheSecretChanges) {
  AddAll();
  const auto authority = *CertificateAuthority::Create("ca", facts_.now);
  const KeyPair pair = *authority.Issue({.common_name = "one", .dns_names = {"a.b"}}, facts_.now);
  AddEvent("Ingress/shop", "InvalidCertificate", "secret \"cert\": haproxy does not take it");
  const auto why = [&](const std::string& changed) {
    facts_.lists["secrets"].clear();
    Add("secrets", "{metadata: {name: cert, managedFields: [{time: '" + changed +
                       "'}]}, data: {tls.crt: " + Base64(pair.certificate_pem) +
                       ", tls.key: " + Base64(pair.key_pem) + "}}");
    return Why(IngressTo("web", "80", "tls: [{hosts: [a.b], secretName: cert}], "));
  };
  EXPECT_THAT(why("2026-01-02T02:58:00Z"), HasSubstr("haproxy does not take it"));
  EXPECT_THAT(why("2026-01-02T02:59:30Z"), HasSubstr("nothing is wrong"));
}

TEST_F(WhyIngressTest, OfAServiceThatIsANameElsewhereItsControllerTells) {
  AddAll();
  Add("services",
      "{metadata: {name: shop}, spec: {type: ExternalName, externalName: example.com}}");
  EXPECT_THAT(Why(IngressTo("shop", "80")), HasSubstr("nothing is wrong"));
  AddEvent("Ingress/shop", "UnsupportedBackend",
           "service \"shop\" is of type ExternalName, which is not served");
  EXPECT_THAT(Why(IngressTo("shop", "80")),
              testing::AllOf(StartsWith("ingress/shop is served; its controller warns of a part of "
                                        "it.\n"),
                             HasSubstr("ExternalName, which is not served")));
}

TEST_F(WhyIngressTest, OurControllerServesNoServiceThatIsANameElsewhere) {
  AddAll();
  Add("ingressclasses", "{metadata: {name: own}, spec: {controller: skiff.io/ingress}}");
  Add("services",
      "{kind: Service, metadata: {name: shop}, spec: {type: ExternalName, externalName: "
      "example.com}}");
  std::string ingress = IngressTo("shop", "80");
  ingress.replace(ingress.find("nginx"), 5, "own");
  const std::string text = Why(ingress);
  EXPECT_THAT(text, StartsWith("ingress/shop: a.b/x leads to the service shop, which is of type "
                               "ExternalName, and that skiff's controller does not serve: who asks "
                               "gets 503.\n"));
  EXPECT_THAT(text, HasSubstr("  example.com  [service/shop spec.externalName]\n"));
}

TEST_F(WhyIngressTest, NobodyAnswersBehindIt) {
  AddAll();
  facts_.lists["pods"].clear();
  const std::string text = Why(IngressTo("web", "80"));
  EXPECT_THAT(text, StartsWith("ingress/shop: nobody answers behind a.b/x, as service/web reaches "
                               "nothing: no pod has the labels that it selects.\n"));
  EXPECT_THAT(text, HasSubstr("skiff why service/web -n default"));
}

TEST_F(WhyIngressTest, AClassThatIsNotThere) {
  AddAll();
  facts_.lists["ingressclasses"].clear();
  EXPECT_THAT(
      Why(IngressTo("web", "80")),
      StartsWith("ingress/shop is served by nobody: there is no ingress class nginx, which "
                 "it names.\n  the cluster has none: no ingress controller is installed  "));
}

TEST_F(WhyIngressTest, NoClassAtAll) {
  AddAll();
  std::string classless = IngressTo("web", "80");
  const std::string named = "ingressClassName: nginx, ";
  classless.erase(classless.find(named), named.size());
  const char* kNobody = "ingress/shop is served by nobody: it names no class, and none is the";
  EXPECT_THAT(Why(classless), StartsWith(kNobody));
  Add("ingressclasses", "{metadata: {name: skiff}, spec: {controller: skiff.io/ingress}}");
  EXPECT_THAT(Why(classless), HasSubstr("nothing is wrong"));
  facts_.lists["ingressclasses"].clear();
  Add("ingressclasses",
      "{metadata: {name: skiff, annotations: {ingressclass.kubernetes.io/is-default-class: "
      "'false'}}, spec: {controller: skiff.io/ingress}}");
  EXPECT_THAT(Why(classless), StartsWith(kNobody));
}

TEST_F(WhyIngressTest, ACertificateThatDoesNotFit) {
  AddAll();
  const auto authority = *CertificateAuthority::Create("ca", facts_.now);
  const CertificateOrder order{.common_name = "one", .dns_names = {"a.b", "*.c.d"}};
  const KeyPair one = *authority.Issue(order, facts_.now);
  const KeyPair other = *authority.Issue(order, facts_.now);
  const auto why = [&](const std::string& host, const std::string& key) {
    facts_.lists["secrets"].clear();
    Add("secrets", "{metadata: {name: cert}, data: {tls.crt: " + Base64(one.certificate_pem) +
                       ", tls.key: " + Base64(key) + "}}");
    return Why(IngressTo("web", "80", "tls: [{hosts: [" + host + "], secretName: cert}], "));
  };
  EXPECT_THAT(why("a.b", one.key_pem), HasSubstr("nothing is wrong"));
  EXPECT_THAT(why("X.c.d", one.key_pem), HasSubstr("nothing is wrong"));
  EXPECT_THAT(why("a.b", other.key_pem),
              StartsWith("ingress/shop: the certificate in the secret cert has a certificate and a "
                         "key that do not fit.\n  tls: private key does not match public key  "
                         "[secret/cert]\n"));
  EXPECT_THAT(why("a.b", "hello"),
              StartsWith("ingress/shop: the certificate in the secret cert cannot be read.\n  tls: "
                         "failed to find any PEM data in key input  [secret/cert]\n"));
  EXPECT_THAT(why("x.b", one.key_pem),
              StartsWith("ingress/shop: the certificate in the secret cert does not name x.b.\n"
                         "  it is for a.b, *.c.d  [secret/cert]\n"));
  facts_.now += 24h * 365 * 20;
  EXPECT_THAT(why("a.b", one.key_pem),
              StartsWith("ingress/shop: the certificate in the secret cert is over.\n"));
}

TEST_F(WhyIngressTest, WhatItsControllerWarnsOfIsShown) {
  AddAll();
  AddEvent("Ingress/shop", "PathTaken",
           "the path /x of host a.b is served for Ingress default/old");
  EXPECT_THAT(Why(IngressTo("web", "80")),
              testing::AllOf(StartsWith("ingress/shop is served; its controller warns of a part of "
                                        "it.\n"),
                             HasSubstr("  the path /x of host a.b is served for Ingress "
                                       "default/old  [event PathTaken, ")));
  AddEvent("Ingress/shop", "InvalidAnnotation", "soon is no time");
  AddEvent("Ingress/shop", "TooManyCertificates", "there are many");
  AddEvent("Ingress/shop", "ServiceNotFound", "service \"web\" not found");
  const std::string text = Why(IngressTo("web", "80"));
  for (const char* told : {"ingress/shop: its controller warns: the path /x of host a.b is",
                           "ingress/shop: its controller warns: soon is no time",
                           "ingress/shop: its controller warns: there are many"}) {
    EXPECT_THAT(text, HasSubstr(told));
  }
  EXPECT_THAT(text, testing::Not(HasSubstr("service \"web\" not found"))) << "it is there now";
  EXPECT_THAT(Why(IngressTo("wbe", "80")),
              testing::AllOf(StartsWith("ingress/shop: a.b/x leads to the service wbe, "),
                             HasSubstr("ingress/shop: its controller warns: soon is no time")))
      << "beside what is worse";
}

TEST_F(WhyIngressTest, TheClassOfOurControllerIsMadeByALine) {
  AddAll();
  facts_.lists["ingressclasses"].clear();
  std::string ours = IngressTo("web", "80");
  ours.replace(ours.find("nginx"), 5, "skiff");
  EXPECT_THAT(Why(ours),
              testing::AllOf(StartsWith("ingress/shop is served by nobody: there is no ingress "
                                        "class skiff, which it names.\n"),
                             HasSubstr("the class skiff of the controller that `skiff up` brings "
                                       "along is missing"),
                             HasSubstr("\"controller\":\"skiff.io/ingress\"}}' | skiff apply -f -"),
                             testing::Not(HasSubstr("no ingress controller is installed"))));
}

TEST_F(WhyIngressTest, WhatIsInTheWayOfItsControllerIsTold) {
  AddAll();
  std::string unserved = IngressTo("web", "80");
  const std::string address = "{ip: 1.2.3.4}";
  unserved.erase(unserved.find(address), address.size());
  EXPECT_THAT(Why(unserved), StartsWith("ingress/shop has no address: "));
  AddEvent("Ingress/shop", "PortTaken", "port 80 is taken by nginx (pid 7)");
  EXPECT_THAT(Why(unserved),
              testing::AllOf(StartsWith("ingress/shop is not served: port 80 is taken by nginx "
                                        "(pid 7).\n"),
                             HasSubstr("skiff doctor")));
  EXPECT_THAT(Why(IngressTo("web", "80")),
              StartsWith("ingress/shop is served, but not on every port: port 80 is taken by "
                         "nginx (pid 7).\n"));
  // It has told, and got the port since.
  std::string served = IngressTo("web", "80");
  served.replace(served.find(address), address.size(), "{ip: 1.2.3.4, ports: [{port: 80}]}");
  EXPECT_THAT(Why(served), StartsWith("ingress/shop is served, and something answers "));
  AddEvent("Ingress/shop", "NotServed", "there is no haproxy");
  EXPECT_THAT(Why(unserved), StartsWith("ingress/shop is not served: there is no haproxy.\n"));
}

TEST_F(WhyIngressTest, ACertificateThatIsNotThere) {
  AddAll();
  None("secrets");
  EXPECT_THAT(
      Why(IngressTo("web", "80", "tls: [{hosts: [a.b], secretName: cert}], ")),
      StartsWith("ingress/shop: its certificate is to be in the secret cert, which does not "
                 "exist.\n"));
}

}  // namespace
}  // namespace skiff::cli::why
