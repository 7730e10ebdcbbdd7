#include "cli/why/service_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

}  // namespace
}  // namespace skiff::cli::why
