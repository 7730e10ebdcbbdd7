#include "base/certificates.h"
#include "base/hash.h"
#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kService[] = R"(
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.0.7
  selector: {app: web, tier: front}
  ports: [{port: 80, targetPort: 8080, protocol: TCP}]
)";

class WhyServiceTest : public WhyTest {
 protected:
  void AddPod(const std::string& name, const std::string& labels, bool ready,
              const std::string& ports = "[{containerPort: 8080, name: http}]") {
    Add("pods", "{kind: Pod, metadata: {name: " + name + ", labels: " + labels +
                    "}, spec: {nodeName: n1, containers: [{name: m, ports: " + ports +
                    "}]}, status: {phase: Running, conditions: [{type: Ready, status: '" +
                    (ready ? "True" : "False") + "'}]}}");
  }
  void AddSlice(const std::string& endpoints) {
    Add("endpointslices",
        "{metadata: {name: web-x, labels: {kubernetes.io/service-name: web}}, endpoints: " +
            endpoints + "}");
  }
};

constexpr char kOwnLabels[] = "{app: web, tier: front}";
constexpr char kOneReady[] = "[{addresses: [10.0.0.1], conditions: {ready: true}}]";

TEST_F(WhyServiceTest, OneThatAnswersIsFineAndSaysItsName) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  EXPECT_EQ(Why(kService),
            "service/web is answered by 1 ready endpoint; nothing is wrong.\n"
            "  DNS: web.default.svc.cluster.local is 10.96.0.7  "
            "[spec.clusterIP; cluster.local unless the cluster has another domain]\n"
            "  ports: 80/TCP  [spec.ports]\n");
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyServiceTest, WhereNobodyAnswersNamesItIsNotFound) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  None(kNameService);
  EXPECT_THAT(Why(kService), HasSubstr("nobody answers names here, unless"));
  EXPECT_TRUE(explanation_.healthy());
  Add(kNameService, "{kind: Service, metadata: {name: kube-dns}}");
  EXPECT_TRUE((Why(kService), explanation_.healthy())) << "its endpoints may not be seen";
  Add(kNameSlices,
      "{metadata: {name: d, labels: {kubernetes.io/service-name: kube-dns}}, "
      "endpoints: [{addresses: [10.0.0.9], conditions: {ready: false}}]}");
  const std::string text = Why(kService);
  EXPECT_THAT(text, StartsWith("service/web is not found by its name: nobody answers at the "
                               "cluster's DNS.\n"));
  EXPECT_THAT(text, HasSubstr("web.default.svc.cluster.local is 10.96.0.7"));
  EXPECT_THAT(text, HasSubstr("skiff why service/kube-dns -n kube-system\n"));
  Add(kNameSlices,
      "{metadata: {name: e, labels: {kubernetes.io/service-name: kube-dns}}, "
      "endpoints: [{addresses: [10.0.0.8], conditions: {ready: true}}]}");
  EXPECT_THAT(Why(kService), StartsWith("service/web is answered by 1 ready endpoint"));
}

TEST_F(WhyServiceTest, NoPodHasItsLabelsAndTheNearestIsNamed) {
  AddPod("far", "{other: x}", true);
  AddPod("near", "{app: web, tier: back}", true);
  AddSlice("[]");
  const std::string text = Why(kService);
  EXPECT_THAT(text, StartsWith("service/web reaches nothing: no pod has the labels that it "
                               "selects.\n  app=web,tier=front  [spec.selector]\n"
                               "  nearest is pod/near: it has tier=back  [metadata.labels]\n"));
}

TEST_F(WhyServiceTest, OfLabelsWithOtherValuesTheMostAlikeIsNearest) {
  AddPod("far", "{app: db, tier: front}", true);
  AddPod("typo", "{app: wbe, tier: front}", true);
  AddPod("other", "{app: cache}", true);
  AddSlice("[]");
  EXPECT_THAT(Why(kService), HasSubstr("nearest is pod/typo: it has app=wbe  ["));
}

TEST_F(WhyServiceTest, WhatWouldMakeItsPodsIsScaledToNothing) {
  None("pods");
  Add("deployments",
      "{kind: Deployment, metadata: {name: web}, spec: {replicas: 0, template: {metadata: {labels: "
      "{app: web, tier: front, more: x}}}}}");
  const std::string text = Why(kService);
  EXPECT_THAT(text,
              StartsWith("service/web reaches nothing: deployment/web, whose pods it selects, "
                         "is scaled to 0.\n"));
  EXPECT_THAT(text, HasSubstr("skiff scale deployment/web --replicas=1 -n default\n"));
}

TEST_F(WhyServiceTest, PodsThatAreNotReady) {
  AddPod("a", kOwnLabels, false);
  Add("pods",
      "{kind: Pod, metadata: {name: b, labels: {app: web, tier: front}}, spec: {nodeName: n1}, "
      "status: {phase: Pending, containerStatuses: [{name: m, state: {waiting: {reason: "
      "ImagePullBackOff}}}]}}");
  const std::string text = Why(kService);
  EXPECT_THAT(text, StartsWith("service/web reaches nothing: of the 2 pods that it selects none is "
                               "ready.\n"));
  EXPECT_THAT(text, HasSubstr("  ImagePullBackOff: b  ["));
  EXPECT_THAT(text, HasSubstr("skiff why pod/b -n default"));
  EXPECT_EQ(first().weight, Weight::kWrong);
}

TEST_F(WhyServiceTest, APortNameThatNoContainerHas) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  const std::string text = Why(R"(
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: htpt}]}
)");
  EXPECT_THAT(text, StartsWith("service/web: port 80 leads nowhere, as no container of its pods "
                               "names a port htpt.\n"));
  EXPECT_THAT(text, HasSubstr("declared: http (8080)"));
}

TEST_F(WhyServiceTest, APortNumberThatIsNotDeclaredIsAHintAlone) {
  AddPod("a", kOwnLabels, true, "[{containerPort: 9090}]");
  AddSlice(kOneReady);
  const std::string text = Why(kService);
  EXPECT_THAT(text, HasSubstr("service/web: port 80 leads to 8080, which no container of its pods "
                              "declares: does anything listen there?\n"));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyServiceTest, APortIsDeclaredForOneProtocol) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  EXPECT_THAT(Why("{kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: "
                  "[{port: 53, targetPort: 8080, protocol: UDP}]}}"),
              HasSubstr("port 53 leads to 8080 of UDP, which no container of its pods declares"));
}

TEST_F(WhyServiceTest, AnAddressIsNoNameForAnother) {
  const std::string of =
      "{kind: Service, metadata: {name: web}, spec: {type: ExternalName, "
      "externalName: ";
  EXPECT_THAT(Why(of + "example.com}}"),
              StartsWith("service/web is another name for example.com; "));
  EXPECT_TRUE(explanation_.healthy());
  EXPECT_THAT(Why(of + "10.0.0.1}}"),
              StartsWith("service/web reaches nothing: its externalName 10.0.0.1 is an address, "
                         "and DNS takes it for a name.\n"));
  EXPECT_FALSE(explanation_.healthy());
}

TEST_F(WhyServiceTest, ABalancersAddressIsShown) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  EXPECT_THAT(
      Why("{kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, clusterIP: "
          "10.96.0.7, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}, status: "
          "{loadBalancer: {ingress: [{ip: 192.0.2.7}]}}}"),
      HasSubstr("from outside: 192.0.2.7  [status.loadBalancer.ingress]\n"));
}

TEST_F(WhyServiceTest, ContainersThatDeclareNothingAreNoHint) {
  AddPod("a", kOwnLabels, true, "[]");
  AddSlice(kOneReady);
  EXPECT_THAT(Why(kService), Not(HasSubstr("declares")));
}

TEST_F(WhyServiceTest, ReadyPodsWithoutEndpoints) {
  AddPod("a", kOwnLabels, true);
  None("endpointslices");
  EXPECT_THAT(Why(kService), StartsWith("service/web has 1 ready pod but no endpoints: does the "
                                        "controller manager run?\n"));
}

TEST_F(WhyServiceTest, ANameOfAPortIsOfOneProtocol) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  std::string service = kService;
  service.replace(service.find("8080, protocol: TCP"), 19, "http, protocol: UDP");
  EXPECT_THAT(Why(service), StartsWith("service/web: port 80 leads nowhere, as no container of its "
                                       "pods names a port http of UDP.\n"));
  facts_.lists["pods"].clear();
  AddPod("a", kOwnLabels, true, "[{containerPort: 8080, name: http, protocol: UDP}]");
  EXPECT_THAT(Why(service), HasSubstr("nothing is wrong"));
}

TEST_F(WhyServiceTest, PortsOfEndpointsByHandHaveTheNamesOfTheServices) {
  const std::string service =
      "{kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.7, ports: [{port: 80}]}}";
  const auto slice = [&](const std::string& port) {
    facts_.lists["endpointslices"].clear();
    Add("endpointslices",
        "{metadata: {name: web-x, labels: {kubernetes.io/service-name: web}}, ports: [{" + port +
            "port: 8080}], endpoints: [{addresses: [10.0.0.1]}]}");
  };
  slice("name: http, ");
  EXPECT_THAT(Why(service), StartsWith("service/web: port 80 leads nowhere, as no endpoint has a "
                                       "port of its name, which is none.\n"));
  EXPECT_THAT(TextFor(explanation_), HasSubstr("ports: http (8080)  [endpointslices of the"));
  slice("");
  EXPECT_THAT(Why(service), HasSubstr("nothing is wrong"));
  slice("name: '', protocol: UDP, ");
  EXPECT_FALSE((Why(service), explanation_.healthy()));
}

TEST_F(WhyServiceTest, APolicyThatLetsNobodyIn) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  Add("networkpolicies", "{metadata: {name: closed}, spec: {podSelector: {}}}");
  EXPECT_THAT(Why(kService),
              StartsWith("service/web reaches pods that network policy closed lets nobody in to.\n"
                         "  lets nobody in  [networkpolicy/closed]\n"));
  Add("networkpolicies",
      "{metadata: {name: open}, spec: {podSelector: {matchLabels: {app: web}}, ingress: [{}]}}");
  Why(kService);
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyServiceTest, OnSimulatedNodesAPolicyIsNoReason) {
  Add("pods",
      "{kind: Pod, metadata: {name: a, labels: {app: web, tier: front}}, spec: {nodeName: n1, "
      "containers: [{name: m, ports: [{containerPort: 8080, name: http}]}]}, status: {phase: "
      "Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: m, "
      "containerID: 'fake://1'}]}}");
  AddSlice(kOneReady);
  Add("networkpolicies", "{metadata: {name: closed}, spec: {podSelector: {}}}");
  EXPECT_THAT(Why(kService), HasSubstr("simulated nodes have no network, and enforce no policy"));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyServiceTest, APolicyThatLetsNobodyInToItsPort) {
  AddPod("a", "{app: web, tier: other}", true);
  AddPod("b", kOwnLabels, true);
  AddSlice(kOneReady);
  Add("networkpolicies",
      "{metadata: {name: tls}, spec: {podSelector: {matchLabels: {tier: front}}, ingress: [{from: "
      "[{podSelector: {matchLabels: {role: lb}}}], ports: [{port: 8443}]}]}}");
  EXPECT_THAT(Why(kService),
              StartsWith("service/web reaches pods that network policy tls lets nobody in to.\n"
                         "  lets in pods with role=lb on port 8443  [networkpolicy/tls]\n"
                         "  isolated by them  [pod/b]\n"));
  Add("networkpolicies",
      "{metadata: {name: named}, spec: {podSelector: {}, ingress: [{ports: [{port: http}]}]}}");
  EXPECT_THAT(Why(kService),
              HasSubstr("Only who network policies tls, named lets in reaches service/web"));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyServiceTest, ABalancerThatNobodyGives) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  EXPECT_THAT(Why("{kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, clusterIP: "
                  "10.96.0.7, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}"),
              StartsWith("service/web has no address outside the cluster: nothing has given it a "
                         "load balancer.\n"));
}

TEST_F(WhyServiceTest, ABalancerThatCannotBeGivenSaysWhyNot) {
  AddPod("a", kOwnLabels, true);
  AddSlice(kOneReady);
  AddEvent("Service/web", "SyncLoadBalancerFailed",
           "Error syncing load balancer: port 80/TCP of the nodes is in use by service default/b");
  EXPECT_THAT(Why("{kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, clusterIP: "
                  "10.96.0.7, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}"),
              StartsWith("service/web has no address outside the cluster: port 80/TCP of the nodes "
                         "is in use by service default/b.\n"));
}

TEST_F(WhyServiceTest, EndpointsThatNobodyHasWritten) {
  None("endpointslices");
  EXPECT_THAT(Why("{kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}"),
              StartsWith("service/web reaches nothing: it selects no pods, and nobody has written "
                         "endpoints for it.\n"));
}

TEST_F(WhyServiceTest, TheServersOwnIsForTheServerToWriteEndpointsFor) {
  None("endpointslices");
  const std::string text =
      Why("{kind: Service, metadata: {name: kubernetes, namespace: default}, "
          "spec: {clusterIP: 10.96.0.1, ports: [{port: 443}]}}");
  EXPECT_THAT(text, StartsWith("service/kubernetes reaches nothing: the API server has written no "
                               "endpoint of its own.\n"));
  EXPECT_THAT(text, HasSubstr("no address but loopback ones"));
  EXPECT_THAT(text, HasSubstr("try: ip -br address"));
}

TEST_F(WhyServiceTest, OneThatAsksForUnreadyPodsAnswersByItsEndpointsAlone) {
  const std::string unready =
      "{kind: Service, metadata: {name: web}, spec: {clusterIP: None, publishNotReadyAddresses: "
      "true, selector: {app: web}}}";
  AddPod("a", kOwnLabels, false);
  AddSlice(kOneReady);
  EXPECT_THAT(Why(unready), StartsWith("service/web is answered by 1 ready endpoint;"));
  facts_.lists["endpointslices"].clear();
  EXPECT_THAT(Why(unready), StartsWith("service/web reaches nothing: of the 1 pod that it selects "
                                       "none is ready.\n"));
  EXPECT_FALSE(explanation_.healthy());
}

TEST_F(WhyServiceTest, PodsThatMayNotBeSeenAreNotTakenForNone) {
  EXPECT_THAT(Why(kService),
              StartsWith("service/web: whether anything answers behind it cannot be seen.\n"));
  EXPECT_EQ(first().cause, "Unseen");
  AddSlice(kOneReady);
  EXPECT_THAT(Why(kService), StartsWith("service/web is answered by 1 ready endpoint;"));
  facts_.lists["endpointslices"].clear();
  EXPECT_THAT(Why(kService), StartsWith("service/web reaches nothing: it has no endpoint that is "
                                        "ready, and its pods cannot be looked at.\n"));
}

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
