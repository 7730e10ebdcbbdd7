// Services, endpoints, ingresses, network policies and storage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/rules/rules_fixture.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

// As the server leaves it when addresses have been given out.
const Json kService = Parsed(R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
    "spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ipFamilies": ["IPv4"],
             "ipFamilyPolicy": "SingleStack", "ports": [{"port": 80}]}})");

TEST(ServiceValidation, FindsNothingWrongWithASmallOne) {
  EXPECT_THAT(CreateErrors(kService), IsEmpty());
}

TEST(ServiceValidation, NamesItsPortsWhenThereAreSeveral) {
  EXPECT_THAT(CreateErrors(With(kService, "/spec/ports", Parsed(R"([{"port": 80, "name": "a"},
                                                                    {"port": 80}])"))),
              ElementsAre("spec.ports[1].name: Required value",
                          "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\","
                          "\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}"));
}

TEST(ServiceValidation, KeepsItsAddress) {
  Json moved = With(kService, "/spec/clusterIP", "10.96.0.2");
  moved = With(moved, "/spec/clusterIPs", {"10.96.0.2"});
  const std::string refused =
      "spec.clusterIPs[0]: Invalid value: [\"10.96.0.2\"]: may not change once set";
  EXPECT_THAT(UpdateErrors(kService, moved), ElementsAre(refused));
  moved["spec"].erase("clusterIPs");
  EXPECT_THAT(UpdateErrors(kService, moved), ElementsAre(refused)) << "of a client that knows one";
}

TEST(ServiceValidation, KeepsNodePortsWhereItGetsThem) {
  Json old = With(kService, "/spec/type", "LoadBalancer");
  old = With(old, "/spec/ports/0/nodePort", 30080);
  Json now = old;
  now["spec"]["ports"][0].erase("nodePort");
  EXPECT_EQ(Updated(old, now)["spec"]["ports"][0].value("nodePort", 0), 30080);
  now = With(now, "/spec/allocateLoadBalancerNodePorts", false);
  EXPECT_EQ(Updated(old, now)["spec"]["ports"][0].value("nodePort", 0), 0);
  old = With(old, "/spec/allocateLoadBalancerNodePorts", false);
  EXPECT_EQ(Updated(old, now)["spec"]["ports"][0].value("nodePort", 0), 0);
}

TEST(ServiceValidation, HasNodePortsOnlyOutside) {
  EXPECT_THAT(CreateErrors(With(kService, "/spec/ports/0/nodePort", 30080)),
              ElementsAre("spec.ports[0].nodePort: Forbidden: may not be used when `type` is "
                          "'ClusterIP'"));
}

TEST(ServiceValidation, LooksAtClassesOfLoadBalancersAlone) {
  EXPECT_THAT(CreateErrors(With(kService, "/spec/loadBalancerClass", "/a/b")),
              ElementsAre("spec.loadBalancerClass: Forbidden: may only be used when `type` is "
                          "'LoadBalancer'"));
}

TEST(ServiceValidation, OfAnUnknownTypeKeepsItsAddress) {
  const Json updated = Updated(kService, With(kService, "/spec/type", "Unknown"));
  EXPECT_EQ(updated["spec"]["clusterIPs"], kService["spec"]["clusterIPs"]);
  EXPECT_EQ(updated["spec"]["ipFamilies"], kService["spec"]["ipFamilies"]);
}

TEST(ServiceValidation, ANameHasNoPolicyOfTraffic) {
  const Json old = Created(Parsed(R"({"apiVersion": "v1", "kind": "Service",
      "spec": {"type": "ExternalName", "externalName": "a.b"}})"));
  const Json updated = Updated(old, With(old, "/spec/internalTrafficPolicy", "Cluster"));
  EXPECT_FALSE(updated["spec"].contains("internalTrafficPolicy"));
}

TEST(ServiceStatus, HasLoadBalancersOnlyOfThatType) {
  EXPECT_THAT(StatusErrors(kService, With(kService, "/status/loadBalancer/ingress",
                                          Parsed(R"([{"ip": "1.2.3.4"}])"))),
              ElementsAre("status.loadBalancer.ingress: Forbidden: may only be used when "
                          "`spec.type` is 'LoadBalancer'"));
}

TEST(EndpointsValidation, PointNowhereLocal) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "Endpoints",
      "subsets": [{"addresses": [{"ip": "127.0.0.1"}]}]})")),
              ElementsAre("subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in "
                          "the loopback range (127.0.0.0/8, ::1/128)"));
}

TEST(EndpointsValidation, TheirOwnControllerIsNotToldHowToWriteAddresses) {
  const Json made = Parsed(R"({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"},
      "subsets": [{"addresses": [{"ip": "010.1.0.1"}]}]})");
  EXPECT_THAT(CreateWarnings(made), Not(IsEmpty()));
  const Json labels = Parsed(R"({"endpoints.kubernetes.io/managed-by": "endpoint-controller"})");
  EXPECT_THAT(CreateWarnings(With(made, "/metadata/labels", labels)), IsEmpty());
}

TEST(EndpointSliceValidation, HoldsAddressesOfItsType) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
      "addressType": "IPv6", "endpoints": [{"addresses": ["10.0.0.1"]}]})")),
              ElementsAre("endpoints[0].addresses: Invalid value: \"10.0.0.1\": must be an IPv6 "
                          "address"));
}

TEST(EndpointSliceValidation, LooksAtPortsFirstAndNoFurtherThanAtWhatIsNoAddress) {
  const Sentences errors = CreateErrors(Parsed(R"({"apiVersion": "discovery.k8s.io/v1",
      "kind": "EndpointSlice", "addressType": "IPv6", "ports": [{"protocol": "X"}],
      "endpoints": [{"addresses": ["010.0.0.1"]}]})"));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0],
            "ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", "
            "\"TCP\", \"UDP\"");
  EXPECT_EQ(errors[1].find("endpoints[0].addresses[0]: Invalid value: \"010.0.0.1\""), 0u);
}

TEST(IngressValidation, LeadsSomewhere) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"})")),
              ElementsAre("spec: Invalid value: null: either `defaultBackend` or `rules` must be "
                          "specified"));
}

TEST(IngressValidation, ChecksPathsByTheirType) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
      "spec": {"rules": [{"http": {"paths": [{"path": "a//b", "pathType": "Prefix",
      "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}})")),
              ElementsAre("spec.rules[0].http.paths[0].path: Invalid value: \"a//b\": must be an "
                          "absolute path",
                          "spec.rules[0].http.paths[0].path: Invalid value: \"a//b\": must not "
                          "contain '//'"));
}

TEST(NetworkPolicyValidation, ExceptsPartsOfItsBlock) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "networking.k8s.io/v1",
      "kind": "NetworkPolicy", "spec": {"ingress": [{"from": [{"ipBlock":
      {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}]}})")),
              ElementsAre("spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "
                          "\"11.0.0.0/16\": must be a strict subset of `cidr`"));
}

TEST(PersistentVolumeValidation, HasASource) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolume",
      "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}})")),
              ElementsAre("spec: Required value: must specify a volume type"));
}

const Json kVolume = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolume",
    "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
             "nfs": {"server": "s", "path": "/"}}})");

TEST(PersistentVolumeValidation, HasOneSource) {
  const std::string more = ": Forbidden: may not specify more than 1 volume type";
  EXPECT_THAT(CreateErrors(With(kVolume, "/spec/cephfs", {{"monitors", {"m"}}})),
              ElementsAre("spec.cephFS" + more));
  EXPECT_THAT(CreateErrors(With(kVolume, "/spec/cephfs", Json::object())),
              ElementsAre("spec.cephFS" + more));
  // Nothing else is said of the second one.
  EXPECT_THAT(CreateErrors(With(kVolume, "/spec/local", {{"path", "x"}})),
              ElementsAre("spec.local" + more));
}

TEST(PersistentVolumeValidation, SaysTwiceWhatIsWrongWithAnUpdate) {
  const std::string error =
      "spec.persistentVolumeReclaimPolicy: Unsupported value: \"x\": supported values: "
      "\"Delete\", \"Recycle\", \"Retain\"";
  const Json wrong = With(kVolume, "/spec/persistentVolumeReclaimPolicy", "x");
  EXPECT_THAT(CreateErrors(wrong), ElementsAre(error));
  EXPECT_THAT(UpdateErrors(Defaulted(kVolume), wrong), ElementsAre(error, error));
}

const Json kFilledClaim = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
             "dataSourceRef": {"apiGroup": "example.com", "kind": "Thing", "name": "t"}}})");

TEST(PersistentVolumeClaimValidation, IsFilledFromItsNamespace) {
  EXPECT_EQ(Created(With(kFilledClaim, "/spec/dataSourceRef/namespace", ""))["spec"]["dataSource"],
            Parsed(R"({"apiGroup": "example.com", "kind": "Thing", "name": "t"})"));
  EXPECT_FALSE(Created(With(kFilledClaim, "/spec/dataSourceRef/namespace", "n"))["spec"].contains(
      "dataSourceRef"));
  // A claim that had a source keeps what it says of one, and is refused for it.
  const Json old = Created(kFilledClaim);
  EXPECT_THAT(UpdateErrors(old, With(old, "/spec/dataSourceRef/namespace", "n")), Not(IsEmpty()));
}

TEST(PersistentVolumeClaimValidation, LooksNotAtGroupsOfOldSources) {
  const Json wrong = With(kFilledClaim, "/spec/dataSourceRef/apiGroup", "-x");
  EXPECT_THAT(CreateErrors(wrong)[1], testing::HasSubstr("dataSourceRef.apiGroup"));
  const Sentences errors = UpdateErrors(Created(kFilledClaim), wrong);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], testing::StartsWith("spec: Forbidden: spec is immutable"));
}

// What a claim asks for and what it has are nothing where they are not there.
TEST(PersistentVolumeClaimValidation, ShrinksNotBelowWhatItHas) {
  const Json claim = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
      "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})");
  const Sentences less =
      UpdateErrors(claim, With(claim, "/spec/resources/requests/storage", "1Mi"));
  ASSERT_EQ(less.size(), 1u);
  EXPECT_THAT(less[0], testing::StartsWith("spec: Forbidden: spec is immutable"));
  const Sentences none = UpdateErrors(claim, With(claim, "/spec/resources", Json::object()));
  ASSERT_EQ(none.size(), 3u);
  EXPECT_EQ(none[2],
            "spec.resources.requests.storage: Forbidden: field can not be less than "
            "status.capacity");
}

TEST(PersistentVolumeClaimValidation, GrowsOnceItIsBound) {
  Json claim = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
      "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
      "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})");
  const std::string request = "/spec/resources/requests/storage";
  EXPECT_THAT(UpdateErrors(claim, With(claim, request, "2Gi")), IsEmpty());
  EXPECT_THAT(UpdateErrors(claim, With(claim, request, "512Mi")),
              ElementsAre("spec.resources.requests.storage: Forbidden: field can not be less than "
                          "status.capacity"));
}

TEST(StorageClassValidation, IsFixed) {
  const Json old = Parsed(
      R"({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "a.b/c"})");
  EXPECT_THAT(UpdateErrors(old, With(old, "/provisioner", "x.y/z")),
              ElementsAre("provisioner: Forbidden: updates to provisioner are forbidden."));
}

TEST(StorageClassValidation, ReclaimsInAnEmptyWord) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
      "provisioner": "a.b/c", "reclaimPolicy": ""})")),
              IsEmpty());
}

TEST(StorageClassValidation, NamesEachTopologyOnce) {
  Json storage_class = Parsed(R"({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
      "provisioner": "a.b/c", "allowedTopologies": [
        {"matchLabelExpressions": [{"key": "k", "values": ["a", "b"]}]},
        {"matchLabelExpressions": [{"key": "k", "values": ["b", "a"]}]},
        {"matchLabelExpressions": [{"key": "k", "values": ["a", "b"]}]},
        {"matchLabelExpressions": [{"key": "k", "values": ["a", "b"]}]}]})");
  const auto error = [](int i) {
    return "allowedTopologies[" + std::to_string(i) +
           "].matchLabelExpressions: Duplicate value: \"\"";
  };
  EXPECT_THAT(CreateErrors(storage_class), ElementsAre(error(1), error(2), error(2), error(3),
                                                       error(3), error(3)));
  // An empty term repeats each of the places that Kubernetes keeps for terms.
  storage_class["allowedTopologies"] = {Json::object()};
  EXPECT_THAT(CreateErrors(storage_class), ElementsAre(error(0)));
  // What would take minutes if each were compared with all before it.
  Json& terms = storage_class["allowedTopologies"] = Json::array();
  for (int i = 0; i < 100'000; ++i) terms.push_back(Json::object());
  EXPECT_LT(SecondsOf([&] { EXPECT_THAT(CreateErrors(storage_class), Not(IsEmpty())); }), 20);
}

TEST(CSINodeValidation, IdentifiesItsDrivers) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
      "spec": {"drivers": [{"name": "d"}]}})")),
              ElementsAre("spec.drivers[0].nodeID: Required value"));
}

}  // namespace
}  // namespace skiff
