#include "api/patch/managed_fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/apps_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/core_v1.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;

// A resource of a made-up server: writes to it move its managedFields.
template <Kind K>
class Tracked {
 public:
  Tracked() : object_(ZeroDocument(K::Describe())) {}

  // Replaces the object, as PUT does; without managedFields unless `text` sends them.
  Tracked& Put(std::string_view manager, std::string_view text, std::string_view subresource = "") {
    Json object = *Normalize(K::Describe(), *ParseJson(text));
    now_ += 1s;
    const FieldWriter writer{.manager = manager,
                             .api_version = K::Info().api_version,
                             .subresource = subresource,
                             .now = now_,
                             .reset = ResetFieldsOf(K::Info(), subresource)};
    const Json as_struct = OwnersOfStruct(object, writer);
    UpdateManagedFields(K::Describe(), object_, object, writer);
    // A struct cannot say that the list was sent empty.
    if (text.find(R"("managedFields": [])") == text.npos) {
      EXPECT_EQ(as_struct, object["metadata"].value("managedFields", Json())) << text;
    }
    object["metadata"]["uid"] = "u";
    object_ = std::move(object);
    return *this;
  }
  const Json& object() const { return object_; }
  // "<manager> <operation>": fields
  Json Owners() const {
    Json out = Json::object();
    for (const Json& entry : object_["metadata"].value("managedFields", Json::array())) {
      std::string name =
          entry.at("manager").get<std::string>() + " " + entry.at("operation").get<std::string>();
      if (entry.contains("subresource")) name += " " + entry["subresource"].get<std::string>();
      out[name] = entry.at("fieldsV1");
    }
    return out;
  }

 private:
  // What the write of a struct leaves, which looks only at the entries that it must.
  Json OwnersOfStruct(const Json& object, const FieldWriter& writer) const {
    K live, sent;
    const bool exists = object_["metadata"].contains("uid");
    EXPECT_TRUE(FromJson(K::Describe(), object_, &live));
    EXPECT_TRUE(FromJson(K::Describe(), object, &sent));
    UpdateManagedFields(K::Describe(), exists ? &live : nullptr, &sent, writer);
    return ToJson(sent)["metadata"].value("managedFields", Json());
  }

  TimePoint now_ = TimePoint(1'700'000'000s);
  Json object_;
};

Json J(std::string_view text) {
  return *ParseJson(text);
}

// As older servers wrote, to which it was none.
TEST(ManagedFields, PartsOfAWholeThatAreSentAsOwnedAreTheWhole) {
  Tracked<core_v1::Service> service;
  service.Put("me", R"({"metadata":{"name":"s","managedFields":[{"manager":"old",
      "operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{
          "f:selector":{".":{},"f:app":{}},"f:type":{}}}}]},
      "spec":{"selector":{"app":"a"}}})");
  EXPECT_EQ(service.Owners()["old Apply"], J(R"({"f:spec":{"f:type":{}}})"))
      << "it was new, and so the whole of it changed";
  service.Put("me", R"({"metadata":{"name":"s","managedFields":[{"manager":"old",
      "operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{
          "f:selector":{".":{},"f:app":{}}}}}]},"spec":{"selector":{"app":"a"}}})");
  EXPECT_EQ(service.Owners()["old Apply"], J(R"({"f:spec":{"f:selector":{}}})"));
}

TEST(ManagedFields, AnItemWithoutItsKeyHasAllOwnersForgotten) {
  Tracked<core_v1::ServiceAccount> account;
  account.Put("a", R"({"metadata": {"name": "a"}, "secrets": [{"name": "s"}]})");
  EXPECT_EQ(account.Owners().size(), 1u);
  account.Put("b", R"({"metadata": {"name": "a"}, "secrets": [{"name": "s"}, {}]})");
  EXPECT_EQ(account.Owners(), Json::object());
}

TEST(ManagedFields, CreationOwnsWhatTheEmptyObjectLacks) {
  Tracked<ConfigMap> map;
  map.Put("kubectl", R"({"metadata": {"name": "a", "labels": {"x": "1"}}, "data": {"k": "v"},
                         "immutable": false, "binaryData": {"b": "eA=="}})");
  EXPECT_EQ(map.Owners(), J(R"({"kubectl Update": {"f:binaryData": {".": {}, "f:b": {}},
      "f:data": {".": {}, "f:k": {}}, "f:immutable": {},
      "f:metadata": {"f:labels": {".": {}, "f:x": {}}}}})"));
  EXPECT_EQ(map.object()["metadata"]["managedFields"][0]["time"], "2023-11-14T22:13:21Z");
  EXPECT_EQ(Tracked<ConfigMap>().Put("plain", R"({"metadata": {"name": "b"}})").Owners(),
            Json::object());
}

// Put holds each against what is found out without knowing others.
TEST(ManagedFields, NewObjectsOfOneShapeHaveTheSameFields) {
  const auto owners = [](const std::string& metadata, const std::string& spec) {
    Tracked<Pod> pod;
    pod.Put("a", R"({"metadata": {)" + metadata + R"(}, "spec": {)" + spec + "}}");
    return pod.Owners().value("a Update", Json());
  };
  const std::string name = R"("name": "one")", web = R"("name": "two", "labels": {"app": "web"})";
  const std::string container = R"("containers": [{"name": "x", "image": "i"}])";
  const Json plain = owners(name, container);
  EXPECT_EQ(owners(R"("name": "b")", R"("containers": [{"name": "x", "image": "j"}])"), plain);
  const Json labelled = owners(web, container);
  EXPECT_NE(labelled, plain);
  EXPECT_EQ(owners(R"("labels": {"app": "db"})", container), labelled);
  std::vector<Json> all = {plain, labelled};
  for (const std::string& metadata : {name, web, std::string(R"("labels": {"appw": "eb"})")}) {
    for (const std::string_view spec : {
             R"("containers": [{"name": "y", "image": "i"}])",
             R"("containers": [{"name": "x"}, {"name": "y", "image": ""}])",
             R"("containers": [{"name": "x", "image": "i"}, {"name": "x", "image": "j"}])",
             R"("containers": [{"name": "x", "ports": [{"containerPort": 1}]}])",
             R"("containers": [{"name": "x", "ports": [{"containerPort": 2}]}])",
             R"("containers": [{"name": "x", "ports": [{"containerPort": 2, "protocol": "UDP"}]}])",
             R"("containers": [{"name": "x", "securityContext": {}}])",
             R"("containers": [{"name": "x", "securityContext": {"privileged": false}}])",
             R"("containers": [{"name": "x", "args": ["a", "b"], "stdin": true}])",
             R"("containers": [{"name": "x", "resources": {"limits": {"cpu": "1"}}}])",
             R"("containers": [{"name": "x", "resources": {"requests": {"cpu": "1"}}}])",
             R"("nodeSelector": {"a": ""}, "containers": null)",
             R"("nodeSelector": {"b": ""}, "hostNetwork": true)"}) {
      const Json first = owners(metadata, std::string(spec));
      EXPECT_EQ(owners(metadata, std::string(spec)), first);
      all.push_back(first);
    }
  }
  std::set<std::string> texts;
  for (const Json& each : all) texts.insert(each.dump());
  EXPECT_GT(texts.size(), 30u);
}

TEST(ManagedFields, StructuresByValueHaveNoOwnerOfTheirOwn) {
  Tracked<apps_v1::Deployment> deployment;
  deployment.Put("t", R"({"metadata": {"name": "d"}, "spec": {"replicas": 1,
      "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
      "selector": {"matchLabels": {"a": "b"}},
      "strategy": {"type": "RollingUpdate",
                   "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
      "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c",
          "image": "i", "env": [{"name": "A"}], "imagePullPolicy": "Always",
          "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {},
        "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30}}}})");
  EXPECT_EQ(deployment.Owners()["t Update"], J(R"({"f:spec": {"f:progressDeadlineSeconds": {},
      "f:replicas": {}, "f:revisionHistoryLimit": {}, "f:selector": {},
      "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
                     "f:type": {}},
      "f:template": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {
        "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:env": {".": {},
            "k:{\"name\":\"A\"}": {".": {}, "f:name": {}}}, "f:image": {}, "f:imagePullPolicy": {},
          "f:name": {}, "f:resources": {}, "f:terminationMessagePath": {},
          "f:terminationMessagePolicy": {}}},
        "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {},
        "f:terminationGracePeriodSeconds": {}}}}})"));
}

TEST(ManagedFields, AnUpdateTakesWhatItChangesAndDropsWhatItRemoves) {
  Tracked<ConfigMap> map;
  map.Put("mine", R"({"metadata": {"name": "e"}, "data": {"k": "v", "l": "w"}})");
  map.Put("other", R"({"metadata": {"name": "e"}, "data": {"k": "new", "l": "w", "m": "x"}})");
  EXPECT_EQ(map.Owners(), J(R"({"mine Update": {"f:data": {".": {}, "f:l": {}}},
                               "other Update": {"f:data": {"f:k": {}, "f:m": {}}}})"));
  map.Put("third", R"({"metadata": {"name": "e"}, "data": {"l": "w"}})");
  EXPECT_EQ(map.Owners(), J(R"({"mine Update": {"f:data": {".": {}, "f:l": {}}}})"));
  map.Put("fourth", R"({"metadata": {"name": "e"}, "data": {"l": "w"}})");
  EXPECT_EQ(map.Owners(), J(R"({"mine Update": {"f:data": {".": {}, "f:l": {}}}})"));
}

TEST(ManagedFields, WhatIsWrittenAgainAndAgainStaysItsWriters) {
  Tracked<ConfigMap> map;
  map.Put("a", R"({"metadata": {"labels": {"l": "a"}}, "data": {"x": "1", "<y>": "1"}})");
  map.Put("b", R"({"metadata": {"labels": {"l": "a"}}, "data": {"x": "1", "<y>": "1", "z": "1"}})");
  const Json owners = map.Owners();
  // Each writes its own: nothing moves but times.
  map.Put("b", R"({"metadata": {"labels": {"l": "a"}}, "data": {"x": "1", "<y>": "1", "z": "2"}})");
  map.Put("a", R"({"metadata": {"labels": {"l": "a"}}, "data": {"x": "2", "<y>": "2", "z": "2"}})");
  EXPECT_EQ(map.Owners(), owners);
  EXPECT_EQ(map.object()["metadata"]["managedFields"][1]["time"], "2023-11-14T22:13:24Z");
  // A name changes nobody's fields; half of what one has goes to the other.
  map.Put("a", R"({"metadata": {"name": "n", "labels": {"l": "a"}},
                   "data": {"x": "2", "<y>": "2", "z": "2"}})");
  EXPECT_EQ(map.Owners(), owners);
  map.Put("b", R"({"metadata": {"labels": {"l": "a"}}, "data": {"x": "3", "z": "3"}})");
  EXPECT_EQ(map.Owners(), J(R"({
      "a Update": {"f:metadata": {"f:labels": {".": {}, "f:l": {}}}, "f:data": {}},
      "b Update": {"f:data": {"f:x": {}, "f:z": {}}}})"));
}

TEST(ManagedFields, AWriteMayReplaceTheListButNotBreakIt) {
  Tracked<ConfigMap> map;
  map.Put("mine", R"({"metadata": {"name": "e"}, "data": {"l": "w"}})");
  map.Put("mine", R"({"metadata": {"name": "e", "managedFields": [{"manager": "fake",
      "operation": "Update", "apiVersion": "v1", "time": "2020-01-01T00:00:00Z",
      "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:l": {}}}}]}, "data": {"l": "w"}})");
  const Json fake = J(R"({"fake Update": {"f:data": {"f:l": {}}}})");
  EXPECT_EQ(map.Owners(), fake);
  map.Put("x", R"({"metadata": {"name": "e", "managedFields": [{"manager": "fake",
      "operation": "Delete", "apiVersion": "v1", "fieldsType": "FieldsV2", "fieldsV1": {}}]},
      "data": {"l": "w"}})");
  EXPECT_EQ(map.Owners(), fake);
  map.Put("x", R"({"metadata": {"name": "e", "managedFields": [{"manager": "fake",
      "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
      "fieldsV1": {"x:bad": {}}}]}, "data": {"l": "w"}})");
  EXPECT_EQ(map.Owners(), Json::object());
  EXPECT_FALSE(map.object()["metadata"].contains("managedFields"));
}

TEST(ManagedFields, AnEmptyEntryOrListForgetsAllOwners) {
  for (const char* list : {"[{}]", "[]"}) {
    Tracked<ConfigMap> map;
    map.Put("mine", R"({"metadata": {"name": "e"}, "data": {"l": "w"}})");
    map.Put("mine", R"({"metadata": {"name": "e", "managedFields": )" + std::string(list) +
                        R"(}, "data": {"l": "w"}})");
    EXPECT_EQ(map.Owners(), Json::object()) << list;
    map.Put("u", R"({"metadata": {"name": "e"}, "data": {"l": "w", "n": "1"}})");
    EXPECT_EQ(map.Owners(), Json::object()) << "untracked objects stay so";
  }
}

TEST(ManagedFields, TheOldestOfManyWritersAreMerged) {
  Tracked<ConfigMap> map;
  Json object = J(R"({"metadata": {"name": "many"}, "data": {}})");
  for (int i = 1; i <= 12; ++i) {
    const std::string number = (i < 10 ? "0" : "") + std::to_string(i);
    object["data"]["k" + number] = "v";
    map.Put("u" + number, DumpJson(object));
  }
  const Json owners = map.Owners();
  EXPECT_EQ(owners.size(), kUpdateManagersMax);
  EXPECT_EQ(owners["ancient-changes Update"],
            J(R"({"f:data": {".": {}, "f:k01": {}, "f:k02": {}, "f:k03": {}}})"));
  EXPECT_EQ(owners["u12 Update"], J(R"({"f:data": {"f:k12": {}}})"));
}

// What would take minutes if all that is owned were gone through for each owner.
TEST(ManagedFields, ManyOwnersAndManyFieldsAreBoundedInTime) {
  constexpr size_t kMany = 60'000;
  constexpr size_t kFields = 2 * kMany;
  Json updates = Json::array();
  Json applies = Json::array();
  Json data = Json::object();
  for (size_t i = 0; i < kFields; ++i) data["k" + std::to_string(i)] = "";
  for (size_t i = 0; i < kMany; ++i) {
    const std::string number = std::to_string(i * 7919 % kMany);
    Json entry = {{"manager", "m" + number}, {"operation", "Update"},
                  {"apiVersion", "v1"},      {"fieldsType", "FieldsV1"},
                  {"fieldsV1", {{"f:data", {{"f:k" + number, Json::object()}}}}}};
    updates.push_back(entry);
    entry["operation"] = "Apply";
    entry["fieldsV1"] = {{"f:data", {{"f:z", Json::object()}}}};
    applies.push_back(std::move(entry));
  }
  const FieldWriter writer{.manager = "u",
                           .api_version = "v1",
                           .subresource = "",
                           .now = TimePoint(1'700'000'000s),
                           .reset = {}};
  const auto write = [&](const Json& owners, const Json& written) {
    const Json document = {{"metadata", {{"name", "m"}, {"managedFields", owners}}},
                           {"data", written}};
    ConfigMap map;
    EXPECT_TRUE(FromJson(ConfigMap::Describe(), document, &map));
    EXPECT_LT(
        SecondsOf([&] { UpdateManagedFields(ConfigMap::Describe(), nullptr, &map, writer); }), 30);
    return map.metadata.managed_fields;
  };
  const auto merged = write(updates, Json::object());
  ASSERT_EQ(merged.size(), kUpdateManagersMax);
  const auto bucket = std::find_if(merged.begin(), merged.end(), [](const auto& entry) {
    return entry.manager == "ancient-changes";
  });
  ASSERT_NE(bucket, merged.end());
  EXPECT_EQ(CountMembers(*FieldSetFromText(bucket->fields_v1->Text())),
            kMany - kUpdateManagersMax + 1);
  EXPECT_EQ(write(applies, data).size(), kMany + 1);
}

TEST(ManagedFields, EndpointsNeverOwnWhatTheyReset) {
  Tracked<Pod> pod;
  const char* text = R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]},
      "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})";
  pod.Put("creator", text);
  EXPECT_FALSE(pod.Owners()["creator Update"].contains("f:status"));
  pod.Put("kubelet", R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "d"}]},
      "status": {"phase": "Failed", "conditions": [{"type": "Ready", "status": "True"},
                 {"type": "X", "status": "False"}]}})",
          "status");
  EXPECT_EQ(pod.Owners()["kubelet Update status"], J(R"({"f:status": {"f:phase": {},
      "f:conditions": {"k:{\"type\":\"X\"}": {".": {}, "f:lastProbeTime": {},
      "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}}}})"));
  EXPECT_EQ(Tracked<certificates_v1::CertificateSigningRequest>()
                .Put("t", R"({"metadata": {"name": "a"}, "spec": {"signerName": "x/y"}})")
                .Owners(),
            Json::object());
}

TEST(ManagedFields, ListsAreKeyedWithDefaults) {
  Tracked<core_v1::Service> service;
  service.Put("t", R"({"metadata": {"name": "s", "finalizers": ["x.io/b"]}, "spec": {
      "selector": {"a": "b"}, "ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}]}})");
  EXPECT_EQ(service.Owners()["t Update"], J(R"({
      "f:metadata": {"f:finalizers": {".": {}, "v:\"x.io/b\"": {}}},
      "f:spec": {"f:ports": {".": {},
        "k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:targetPort": {}},
        "k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {},
                                                "f:targetPort": {}}},
        "f:selector": {}}})"));
}

// What was owned of the single item is gone, as in kube-apiserver, and comes again with it.
TEST(ManagedFields, ItemsThatAreThereTwiceAreOneValueOfTheirOwn) {
  Tracked<Pod> pod;
  const auto with_ports = [](const std::string& ports) {
    return R"({"spec": {"containers": [{"name": "c", "ports": [)" + ports + "]}]}}";
  };
  const auto owned = [&] {
    const Json owners = pod.Owners();
    return owners.at("a Update")
        .at("f:spec").at("f:containers").at(R"(k:{"name":"c"})").at("f:ports")
        .at(R"(k:{"containerPort":80,"protocol":"TCP"})")
        .dump();
  };
  const std::string one = R"({"containerPort": 80, "protocol": "TCP", "name": "x"})";
  pod.Put("a", with_ports(one));
  const std::string single = owned();
  EXPECT_EQ(single, R"({".":{},"f:containerPort":{},"f:name":{},"f:protocol":{}})");
  pod.Put("a", with_ports(one + ", " + one));
  EXPECT_EQ(owned(), "{}");
  pod.Put("a", with_ports(one + ", " + one + ", " + one));
  EXPECT_EQ(owned(), "{}");
  pod.Put("a", with_ports(one));
  EXPECT_EQ(owned(), single);
}

TEST(ManagedFields, OnlyTimesDifferingIsNoChange) {
  using Entries = std::vector<meta_v1::ManagedFieldsEntry>;
  const auto entry = [](const char* manager, const char* time, const char* fields) {
    meta_v1::ManagedFieldsEntry entry;
    entry.manager = manager;
    entry.time = *Time::Parse(time);
    entry.fields_v1 = RawJson::FromText(fields);
    return entry;
  };
  const char *kOld = "2026-01-01T00:00:00Z", *kNew = "2030-01-01T00:00:00Z";
  const Entries live = {entry("a", kOld, "{}"), entry("b", kNew, "{}")};
  // Times order the list.
  EXPECT_TRUE(SameButForTimes(live, Entries{entry("b", kOld, "{}"), entry("a", kNew, "{}")}));
  EXPECT_FALSE(SameButForTimes(live, Entries{entry("a", kOld, "{}"), entry("c", kNew, "{}")}));
  EXPECT_FALSE(
      SameButForTimes(live, Entries{entry("a", kOld, R"({"f:x":{}})"), entry("b", kNew, "{}")}));
  EXPECT_FALSE(SameButForTimes(live, Entries{entry("a", kOld, "{}")}));
}

TEST(FieldSet, AlgebraAndTextForm) {
  const FieldSet a = *FieldSetFromJson(J(R"({"f:a": {".": {}, "f:b": {}}, "f:c": {}})"));
  const FieldSet b = *FieldSetFromJson(J(R"({"f:a": {"f:b": {}, "f:d": {}}})"));
  EXPECT_EQ(ToJson(Union(a, b)), J(R"({"f:a": {".": {}, "f:b": {}, "f:d": {}}, "f:c": {}})"));
  EXPECT_EQ(ToJson(Difference(a, b)), J(R"({"f:a": {}, "f:c": {}})"));
  FieldSet left = a;
  Subtract(left, b);
  EXPECT_EQ(left, Difference(a, b));
  std::string text_of_a;
  AppendText(a, text_of_a);
  EXPECT_EQ(CountMembersIn(text_of_a, b), CountMembers(Intersection(a, b)));
  EXPECT_EQ(CountMembersIn(text_of_a, a), CountMembers(a));
  EXPECT_EQ(CountMembersIn(R"(["f:a"])", a), 0u);
  EXPECT_EQ(ToJson(Intersection(a, b)), J(R"({"f:a": {"f:b": {}}})"));
  EXPECT_EQ(UnionOf({}), FieldSet());
  const FieldSet third = *FieldSetFromJson(J(R"({"f:e": {}})"));
  EXPECT_EQ(UnionOf({a, b, third}), Union(Union(a, b), third));
  // Also where one is much larger than the other.
  Json many = Json::object();
  for (char c = 'a'; c <= 'z'; ++c) many[std::string("f:") + c] = Json::object();
  const FieldSet all = *FieldSetFromJson(many);
  for (const char* text : {R"({"f:a":{},"f:c":{},"f:z":{}})", R"({"f:b":{},"f:bb":{}})",
                           R"({"f:A":{},"f:z":{},"f:zz":{}})", R"({"f:y":{}})", "{}"}) {
    const FieldSet few = *FieldSetFromText(text);
    EXPECT_EQ(Intersection(few, all), Intersection(all, few)) << text;
    FieldSet rest = few;
    Subtract(rest, all);
    EXPECT_EQ(rest, Difference(few, all)) << text;
    EXPECT_EQ(CountMembers(rest) + CountMembers(Intersection(few, all)), CountMembers(few)) << text;
  }
  for (const char* text : {R"({"f:a":{".":{},"f:b":{}},"f:c":{}})", "{}",
                           R"({"f:l":{"k:{\"a\":1}":{".":{},"v:\"x\"":{}}}})"}) {
    const FieldSet set = *FieldSetFromText(text);
    EXPECT_EQ(set, *FieldSetFromJson(J(text)));
    std::string again;
    AppendText(set, again);
    EXPECT_EQ(again, text);
  }
  // In any order; the last one of a name counts.
  const auto in_any_order =
      FieldSetFromText(R"({"f:b":{},"f:a":{"f:x":{}},"v:1":{},"f:a":{"f:z":{},"f:y":{}}})");
  EXPECT_EQ(*in_any_order,
            *FieldSetFromText(R"({"f:a":{"f:y":{},"f:z":{}},"f:b":{},"v:1":{}})"));
  for (const char* text : {"[]", R"({"f:a":1})", R"({"f:a":{"f:b":[]}})", "{", R"({"f:a":{})"}) {
    EXPECT_FALSE(FieldSetFromText(text)) << text;
  }
  std::vector<std::string> paths;
  VisitPaths(*FieldSetFromJson(J(R"({"f:spec": {"f:ports":
      {"k:{\"port\":53,\"protocol\":\"UDP\"}": {"f:name": {}}}, "f:selector": {},
      "f:l": {"v:\"x\"": {}, "i:3": {}}}})")),
             [&](const std::string& path) { paths.push_back(path); });
  EXPECT_EQ(paths, (std::vector<std::string>{".spec.selector", ".spec.l[3]", ".spec.l[=\"x\"]",
                                             ".spec.ports[port=53,protocol=\"UDP\"].name"}));
}

}  // namespace
}  // namespace skiff
