#include "api/text/table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "api/codec/document.h"
#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "api/kinds/behaviour.h"
#include "api/registry.h"
#include "base/source_root.h"

namespace skiff {
namespace {

const TimePoint kNow{1'700'000'000s};

Json Cells(std::string_view api_version, std::string_view kind, const char* object) {
  const KindInfo& info = *KindSet(RuntimeKinds()).FindKind(api_version, kind);
  return MakeTableRow(*info.behaviour->table, Json::parse(object),
                      {.now = kNow, .include = IncludeObject::kNone})["cells"];
}

Json Columns(const Json& table) {
  Json names = Json::array();
  for (const Json& column : table["columnDefinitions"]) names.push_back(column["name"]);
  return names;
}

// The pods, and the rows a kube-apiserver v1.35.6 made of them. Ages are left out.
TEST(TableTest, PodsPrintAsKubernetesPrintsThem) {
  std::ifstream file(std::string(kSourceRoot) + "/api/testdata/pod_table.json");
  const Json cases = Json::parse(file);
  ASSERT_EQ(cases.size(), 36);
  const TableFormat& format = *core_v1::Pod::Info().behaviour->table;
  for (const Json& entry : cases) {
    Json row = MakeTableRow(format, entry["object"], {.now = kNow});
    Json expected = entry["cells"];
    row["cells"][4] = expected[4];
    const std::string restarts = row["cells"][3];
    row["cells"][3] = std::regex_replace(restarts, std::regex("\\(.* ago"), "(<age> ago");
    EXPECT_EQ(row["cells"], expected);
    EXPECT_EQ(row.value("conditions", Json()), entry.value("conditions", Json()));
  }
}

TEST(TableTest, TheEnvelopeOfAListHasItsMetadata) {
  const Json list = Json::parse(R"({"kind":"ConfigMapList","apiVersion":"v1",
      "metadata":{"resourceVersion":"7","continue":"c","remainingItemCount":3},
      "items":[{"metadata":{"name":"a","labels":{"x":"y"},
                "creationTimestamp":"2023-11-14T22:12:20Z"},"data":{"k":"v"}}]})");
  const TableFormat& format = *core_v1::ConfigMap::Info().behaviour->table;
  const Json table = MakeTable(format, list, {.now = kNow});
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  EXPECT_EQ(table["metadata"], list["metadata"]);
  EXPECT_EQ(Columns(table), (Json{"Name", "Data", "Age"}));
  for (const Json& column : table["columnDefinitions"]) EXPECT_EQ(column.size(), 5);
  ASSERT_EQ(table["rows"].size(), 1);
  EXPECT_EQ(table["rows"][0]["cells"], (Json{"a", 1, "60s"}));
  EXPECT_EQ(table["rows"][0]["object"], (Json{{"kind", "PartialObjectMetadata"},
                                              {"apiVersion", "meta.k8s.io/v1"},
                                              {"metadata", list["items"][0]["metadata"]}}));
  EXPECT_FALSE(table["rows"][0].contains("conditions"));
}

TEST(TableTest, OneObjectIsOneRow) {
  const Json object = {{"metadata", {{"name", "a"}, {"resourceVersion", "9"}}}};
  const TableFormat& format = *core_v1::ConfigMap::Info().behaviour->table;
  const Json table = MakeTable(format, object,
                               {.now = kNow,
                                .version = "v1beta1",
                                .include = IncludeObject::kObject,
                                .headers = false,
                                .api_version = "v1",
                                .kind = "ConfigMap"});
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1beta1");
  EXPECT_EQ(table["metadata"], (Json{{"resourceVersion", "9"}}));
  EXPECT_TRUE(table["columnDefinitions"].is_null());
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "ConfigMap");
  EXPECT_EQ(table["rows"][0]["cells"], (Json{"a", 0, "<unknown>"}));
}

TEST(TableTest, EmptyListsOfKindsWithoutColumnsHaveNullRows) {
  const Json empty = {{"metadata", {{"resourceVersion", "1"}}}, {"items", Json::array()}};
  const TableFormat& pods = *core_v1::Pod::Info().behaviour->table;
  EXPECT_EQ(MakeTable(pods, empty, {.now = kNow})["rows"], Json::array());
  const Json table = MakeTable(*core_v1::LimitRange::Info().behaviour->table, empty, {.now = kNow});
  EXPECT_TRUE(table["rows"].is_null());
  EXPECT_EQ(Columns(table), (Json{"Name", "Created At"}));
  EXPECT_EQ(table["columnDefinitions"][1]["type"], "date");
}

TEST(TableTest, IncludeObjectIsOneOfThreeWords) {
  EXPECT_EQ(*ParseIncludeObject(""), IncludeObject::kMetadata);
  EXPECT_EQ(*ParseIncludeObject("Object"), IncludeObject::kObject);
  const auto bad = ParseIncludeObject("Everything");
  EXPECT_EQ(bad.error().message,
            "Unable to convert to Table as requested: includeObject: Invalid value: "
            "\"Everything\": must be 'Metadata', 'Object', 'None', or empty");
  EXPECT_EQ(bad.error().reason, Reason::kBadRequest);
}

TEST(TableTest, EveryServedKindHasAFormat) {
  for (const KindInfo* kind : BuiltInKinds()) {
    const Json row = MakeTableRow(*kind->behaviour->table, Json::object(),
                                  {.now = kNow, .include = IncludeObject::kNone});
    EXPECT_GE(row["cells"].size(), 2) << kind->kind;
  }
}

TEST(TableTest, Services) {
  EXPECT_EQ(Cells("v1", "Service", R"({"metadata":{"name":"d"},"spec":{"type":"LoadBalancer",
      "clusterIPs":["10.96.0.1"],"externalIPs":["1.2.3.4"],"selector":{"role":"x","app":"e"},
      "ports":[{"port":80,"nodePort":30000,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]},
      "status":{"loadBalancer":{"ingress":[{"hostname":"lb.example.com"},{"ip":"192.0.2.20"}]}}})"),
            (Json{"d", "LoadBalancer", "10.96.0.1", "192.0.2.20,lb.example.com,1.2.3.4",
                  "80:30000/TCP,53/UDP", "<unknown>", "app=e,role=x"}));
  EXPECT_EQ(
      Cells("v1", "Service",
            R"({"metadata":{"name":"f"},"spec":{"type":"ExternalName",
                      "externalName":"db.example.com."}})"),
      (Json{"f", "ExternalName", "<none>", "db.example.com.", "<none>", "<unknown>", "<none>"}));
  EXPECT_EQ(Cells("v1", "Service", R"({"spec":{"type":"LoadBalancer"}})")[3], "<pending>");
}

TEST(TableTest, Nodes) {
  EXPECT_EQ(Cells("v1", "Node", R"({"metadata":{"name":"a","labels":{
      "node-role.kubernetes.io/worker":"","kubernetes.io/role":"old","x":"y"}},
      "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"False"}],
      "nodeInfo":{"kubeletVersion":"v1.35.1","osImage":"Debian 12"},
      "addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}})"),
            (Json{"a", "NotReady,SchedulingDisabled", "old,worker", "<unknown>", "v1.35.1",
                  "10.0.0.1", "<none>", "Debian 12", "<unknown>", "<unknown>"}));
  EXPECT_EQ(Cells("v1", "Node", "{}")[1], "Unknown");
}

TEST(TableTest, EventsOfBothGroups) {
  EXPECT_EQ(
      Cells("v1", "Event", R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod",
      "name":"web","fieldPath":"spec"},"reason":"Pulled","type":"Normal","message":" m\n",
      "source":{"component":"kubelet","host":"node1"},"count":4,
      "firstTimestamp":"2023-11-14T22:12:20Z","lastTimestamp":"2023-11-14T22:13:19Z"})"),
      (Json{"1s", "Normal", "Pulled", "pod/web", "spec", "kubelet, node1", "m", "60s", 4, "e"}));
  EXPECT_EQ(Cells("events.k8s.io/v1", "Event", R"({"metadata":{"name":"e"},
      "regarding":{"kind":"Node"},"reason":"R","type":"Warning","note":"n",
      "reportingController":"c","reportingInstance":"i","eventTime":"2023-11-14T22:13:19.000000Z",
      "deprecatedFirstTimestamp":null})"),
            (Json{"1s", "Warning", "R", "node", "", "c, i", "n", "1s", 1, "e"}));
}

TEST(TableTest, Workloads) {
  EXPECT_EQ(Cells("apps/v1", "Deployment", R"({"metadata":{"name":"rich"},"spec":{"replicas":5,
      "selector":{"matchLabels":{"app":"rich"},"matchExpressions":[
        {"key":"tier","operator":"In","values":["front","back"]},
        {"key":"gone","operator":"DoesNotExist"}]},
      "template":{"spec":{"containers":[{"name":"c","image":"i"},{"name":"d","image":"j"}]}}}})"),
            (Json{"rich", "0/5", 0, 0, "<unknown>", "c,d", "i,j",
                  "app=rich,!gone,tier in (back,front)"}));
  EXPECT_EQ(Cells("apps/v1", "ReplicaSet", R"({"metadata":{"name":"r"},"spec":{"replicas":1}})"),
            (Json{"r", 1, 0, 0, "<unknown>", "", "", "<none>"}));
  EXPECT_EQ(Cells("apps/v1", "ControllerRevision",
                  R"({"metadata":{"name":"db-1","ownerReferences":[{"kind":"StatefulSet",
                  "apiVersion":"apps/v1","name":"db","controller":true}]},"revision":7})"),
            (Json{"db-1", "statefulset.apps/db", 7, "<unknown>"}));
  EXPECT_EQ(Cells("batch/v1", "Job", R"({"metadata":{"name":"j"},"spec":{"completions":5},
      "status":{"succeeded":3,"startTime":"2023-11-14T22:13:10Z",
      "conditions":[{"type":"Failed","status":"True"}]}})"),
            (Json{"j", "Failed", "3/5", "10s", "<unknown>", "", "", "<none>"}));
  EXPECT_EQ(Cells("batch/v1", "Job", R"({"spec":{"parallelism":2}})")[2], "0/1 of 2");
}

TEST(TableTest, Autoscalers) {
  EXPECT_EQ(Cells("autoscaling/v2", "HorizontalPodAutoscaler", R"({"metadata":{"name":"h"},"spec":{
      "scaleTargetRef":{"kind":"Deployment","name":"d"},"maxReplicas":3,"metrics":[
      {"type":"Resource","resource":{"name":"cpu","target":{"averageUtilization":80}}},
      {"type":"Pods","pods":{"target":{"averageValue":"10"}}},
      {"type":"External","external":{"target":{"value":"5"}}}]},
      "status":{"currentReplicas":2,"currentMetrics":[
      {"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":7}}}]}})"),
            (Json{"h", "Deployment/d", "cpu: 7%/80%, <unknown>/10 + 1 more...", "<unset>", 3, 2,
                  "<unknown>"}));
  EXPECT_EQ(Cells("autoscaling/v2", "HorizontalPodAutoscaler", R"({"spec":{"metrics":[
      {"type":"Pods","pods":{"target":{"averageValue":"10"}}},
      {"type":"External","external":{"target":{"averageValue":"5"}}}]},"status":{"currentMetrics":[
      {"type":"Pods","pods":{"current":{}}},
      {"type":"External","external":{"current":{"value":"1"}}}]}})")[2],
            "<nil>/10, <unknown>/5 (avg)");
}

TEST(TableTest, EndpointsThatAreNotShownAreCounted) {
  Json endpoints = {{"subsets", Json::array({Json::object()})}};
  for (int i = 1; i <= 20'000; ++i) {
    endpoints["subsets"][0]["addresses"].push_back({{"ip", "10.0.0.1"}});
    endpoints["subsets"][0]["ports"].push_back({{"port", i}});
  }
  EXPECT_EQ(Cells("v1", "Endpoints", endpoints.dump().c_str())[1],
            "10.0.0.1:1,10.0.0.1:1,10.0.0.1:1 + 399999997 more...");
}

TEST(TableTest, Endpoints) {
  EXPECT_EQ(Cells("v1", "Endpoints", R"({"metadata":{"name":"e"},"subsets":[
      {"addresses":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"ports":[{"port":1},{"port":2}]}]})")[1],
            "10.0.0.1:1,[fd00::1]:1,10.0.0.1:2 + 1 more...");
  EXPECT_EQ(Cells("v1", "Endpoints", R"({"subsets":[{"notReadyAddresses":[{"ip":"1.2.3.4"}],
      "ports":[{"port":1}]}]})")[1],
            "");
  EXPECT_EQ(Cells("v1", "Endpoints", "{}")[1], "<none>");
  EXPECT_EQ(Cells("discovery.k8s.io/v1", "EndpointSlice", R"({"metadata":{"name":"f"},
      "addressType":"FQDN","ports":[{"port":1},{"name":"b"},{}],
      "endpoints":[{"addresses":["a","b"]},{"addresses":["c","d"]}]})"),
            (Json{"f", "FQDN", "1,b,*", "a,b,c + 1 more...", "<unknown>"}));
}

TEST(TableTest, Volumes) {
  EXPECT_EQ(Cells("v1", "PersistentVolume", R"({"metadata":{"name":"b"},"spec":{
      "capacity":{"storage":"1500M"},"accessModes":["ReadWriteMany","ReadWriteOnce"],
      "persistentVolumeReclaimPolicy":"Delete","claimRef":{"namespace":"ns","name":"claim"},
      "storageClassName":"fast","volumeAttributesClassName":"gold","volumeMode":"Block"},
      "status":{"phase":"Bound"}})"),
            (Json{"b", "1500M", "RWO,RWX", "Delete", "Bound", "ns/claim", "fast", "gold", "",
                  "<unknown>", "Block"}));
  EXPECT_EQ(Cells("v1", "PersistentVolumeClaim",
                  R"({"metadata":{"name":"c","deletionTimestamp":"2023-11-14T22:13:10Z"}})"),
            (Json{"c", "Terminating", "", "", "", "", "<unset>", "<unknown>", "<unset>"}));
  EXPECT_EQ(Cells("storage.k8s.io/v1", "StorageClass", R"({"metadata":{"name":"a","annotations":
      {"storageclass.kubernetes.io/is-default-class":"true"}},"provisioner":"p"})"),
            (Json{"a (default)", "p", "Delete", "Immediate", false, "<unknown>"}));
  EXPECT_EQ(Cells("storage.k8s.io/v1", "CSIDriver",
                  R"({"metadata":{"name":"d"},"spec":{"attachRequired":false,
                  "tokenRequests":[{"audience":"gcp"},{"audience":""}]}})"),
            (Json{"d", false, false, false, "gcp,", false, "<none>", "<unknown>"}));
}

TEST(TableTest, Policies) {
  EXPECT_EQ(Cells("policy/v1", "PodDisruptionBudget",
                  R"({"metadata":{"name":"p"},"spec":{"minAvailable":"50%"}})"),
            (Json{"p", "50%", "N/A", 0, "<unknown>"}));
  EXPECT_EQ(Cells("rbac.authorization.k8s.io/v1", "RoleBinding", R"({"metadata":{"name":"b"},
      "roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"},
      {"kind":"User","name":"v"},{"kind":"ServiceAccount","name":"s","namespace":"n"}]})"),
            (Json{"b", "Role/r", "<unknown>", "u, v", "", "n/s"}));
  EXPECT_EQ(Cells("certificates.k8s.io/v1", "CertificateSigningRequest", R"({"status":{
      "certificate":"x","conditions":[{"type":"Approved"},{"type":"Failed"}]}})")[5],
            "Approved,Failed,Issued");
  EXPECT_EQ(
      Cells("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", R"({"spec":{
          "paramRef":{"selector":{"matchLabels":{"a":"b"},"matchExpressions":[
          {"key":"k","operator":"In","values":["x","y"]}]}}}})")[2],
      "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:"
      "[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}");
  EXPECT_EQ(Cells("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration",
                  R"({"metadata":{"name":"w"},"spec":{"type":"Limited","limited":{
                  "nominalConcurrencyShares":40,"limitResponse":{"queuing":{"queues":128,
                  "handSize":6,"queueLengthLimit":50}}}}})"),
            (Json{"w", "Limited", 40, 128, 6, 50, "<unknown>"}));
}

TEST(TableTest, AnAddressHasOneCellMoreThanColumns) {
  const Json object = Json::parse(R"({"metadata":{"name":"10.0.0.1"},"spec":{"parentRef":{
      "resource":"services","namespace":"n","name":"s"}}})");
  const Json table =
      MakeTable(*networking_v1::IPAddress::Info().behaviour->table, object, {.now = kNow});
  EXPECT_EQ(Columns(table), (Json{"Name", "ParentRef"}));
  EXPECT_EQ(table["rows"][0]["cells"], (Json{"10.0.0.1", "services/n/s", "<unknown>"}));
}

}  // namespace
}  // namespace skiff
