#include "api/patch/apply.h"

#include <gtest/gtest.h>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/gen/apiextensions_v1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/patch/field_set.h"
#include "api/patch/merge.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;
using core_v1::Service;

// A resource that is written by apply and update alone.
template <Kind K>
class Applied {
 public:
  Applied() : object_(ZeroDocument(K::Describe())) {}

  // "" or the error's text.
  std::string Apply(std::string_view manager, std::string_view configuration, bool force = false) {
    now_ += 1s;
    auto result = ApplyConfiguration({.kind = K::Info(),
                                      .live = object_,
                                      .configuration = *ParseJson(configuration),
                                      .writer = Writer(manager),
                                      .force = force});
    if (!result) {
      error_ = result.error();
      return error_.message;
    }
    Take(std::move(*result));
    return "";
  }
  void Update(std::string_view manager, std::string_view text) {
    now_ += 1s;
    Json object = *Normalize(K::Describe(), *ParseJson(text));
    UpdateManagedFields(K::Describe(), object_, object, Writer(manager));
    Take(std::move(object));
  }
  const Json& object() const { return object_; }
  const Error& error() const { return error_; }
  Json Owners() const {
    Json out = Json::object();
    for (const Json& entry : Entries()) {
      out[entry.at("manager").get<std::string>() + " " + entry.at("operation").get<std::string>()] =
          entry.at("fieldsV1");
    }
    return out;
  }
  std::string TimeOf(std::string_view manager) const {
    for (const Json& entry : Entries()) {
      if (entry.at("manager") == manager) return entry.value("time", "");
    }
    return "nobody";
  }

 private:
  FieldWriter Writer(std::string_view manager) const {
    return {.manager = manager,
            .api_version = K::Info().api_version,
            .now = now_,
            .reset = ResetFieldsOf(K::Info(), "")};
  }
  Json Entries() const { return object_["metadata"].value("managedFields", Json::array()); }
  void Take(Json object) {
    object["metadata"]["uid"] = "u";
    object_ = std::move(object);
  }

  TimePoint now_ = TimePoint(1'700'000'000s);
  Json object_;
  Error error_;
};

Json J(std::string_view text) {
  return *ParseJson(text);
}

TEST(Apply, OwnsExactlyWhatTheConfigurationGives) {
  Applied<Pod> pod;
  EXPECT_EQ(pod.Apply("m1", R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{
      "nodeSelector":{"a":"b"},"containers":[{"name":"b","command":["x","y"],
        "ports":[{"containerPort":80},{"containerPort":80,"protocol":"UDP"}],
        "resources":{"requests":{"cpu":0.5,"memory":"1024Mi"}}},{"name":"a"}],
      "volumes":[{"name":"v","emptyDir":{}}],"tolerations":[{"key":"t"}]}})"),
            "");
  EXPECT_EQ(pod.Owners()["m1 Apply"], J(R"({"f:spec":{"f:containers":{
      "k:{\"name\":\"a\"}":{".":{},"f:name":{}},
      "k:{\"name\":\"b\"}":{".":{},"f:command":{},"f:name":{},"f:ports":{
        "k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}},
        "k:{\"containerPort\":80,\"protocol\":\"UDP\"}":{".":{},"f:containerPort":{},
                                                        "f:protocol":{}}},
        "f:resources":{"f:requests":{"f:cpu":{},"f:memory":{}}}}},
      "f:nodeSelector":{},"f:tolerations":{},
      "f:volumes":{"k:{\"name\":\"v\"}":{".":{},"f:emptyDir":{},"f:name":{}}}}})"));
  EXPECT_EQ(pod.object()["spec"]["containers"][0]["resources"]["requests"],
            J(R"({"cpu":"500m","memory":"1Gi"})"));
}

TEST(Apply, ItemsThatAreThereTwiceStayAsTheyAre) {
  Applied<Pod> pod;
  pod.Update("kubectl", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c",
      "env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}]}})");
  EXPECT_EQ(pod.Apply("me", R"({"metadata":{"name":"p"},"spec":{"containers":[
      {"name":"c","tty":true}]}})"),
            "");
  EXPECT_EQ(pod.Apply("me", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c"}]}})"),
            "");
  EXPECT_EQ(pod.object()["spec"]["containers"][0]["env"],
            J(R"([{"name":"A","value":"1"},{"name":"A","value":"2"}])"));
}

TEST(Apply, AnItemThatIsThereTwiceIsReplacedAsAWhole) {
  Applied<Pod> pod;
  pod.Update("kubectl", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","env":[
      {"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},
      {"name":"A","value":"2"}]}]}})");
  EXPECT_EQ(pod.Apply("me", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c",
      "env":[{"name":"A","value":"3"}]}]}})",
                      true),
            "");
  EXPECT_EQ(pod.object()["spec"]["containers"][0]["env"], J(R"([{"name":"A","value":"3"}])"));
}

TEST(Apply, ListsMergeByKeyInTheOrderOfTheLiveOne) {
  Applied<Service> service;
  service.Apply("m1", R"({"metadata":{"name":"s","finalizers":["x.io/b","x.io/a"]},"spec":{
      "selector":{"a":"b"},"ports":[{"name":"http","port":80},
      {"name":"dns","port":53,"protocol":"UDP"}]}})");
  EXPECT_EQ(service.Apply("m2", R"({"metadata":{"name":"s","finalizers":["x.io/c","x.io/a"]},
      "spec":{"ports":[{"name":"dns-tcp","port":53}]}})"),
            "");
  EXPECT_EQ(service.object()["metadata"]["finalizers"], J(R"(["x.io/b","x.io/c","x.io/a"])"));
  EXPECT_EQ(service.object()["spec"]["ports"].size(), 3);
  EXPECT_EQ(service.object()["spec"]["ports"][2]["name"], "dns-tcp");
  EXPECT_EQ(service.Apply("m2", R"({"metadata":{"name":"s"},"spec":{"selector":{"c":"d"},
      "ports":[{"name":"dnsx","port":53,"protocol":"UDP"}]}})"),
            "Apply failed with 2 conflicts: conflicts with \"m1\":\n- .spec.selector\n- "
            ".spec.ports[port=53,protocol=\"UDP\"].name");
  EXPECT_EQ(service.error().reason, Reason::kConflict);
  EXPECT_EQ(service.error().causes[1], (Cause{"FieldManagerConflict", "conflict with \"m1\"",
                                              ".spec.ports[port=53,protocol=\"UDP\"].name"}));
  EXPECT_EQ(service.Apply("m1", R"({"metadata":{"name":"s","finalizers":["x.io/a"]},"spec":{
      "ports":[{"name":"http","port":80}]}})"),
            "");
  EXPECT_EQ(service.object()["metadata"]["finalizers"], J(R"(["x.io/c","x.io/a"])"));
  EXPECT_EQ(service.object()["spec"]["ports"].size(), 2);
  EXPECT_FALSE(service.object()["spec"].contains("selector"));
}

TEST(Apply, SharedValuesHaveSeveralOwnersAndNoTime) {
  Applied<ConfigMap> map;
  map.Apply("m1", R"({"metadata":{"name":"c"},"data":{"a":"1","b":"2"}})");
  EXPECT_EQ(map.TimeOf("m1"), "2023-11-14T22:13:21Z");
  EXPECT_EQ(map.Apply("m2", R"({"metadata":{"name":"c"},"data":{"a":"1"}})"), "");
  EXPECT_EQ(map.TimeOf("m2"), "");
  map.Apply("m1", R"({"metadata":{"name":"c"},"data":{"b":"2"}})");
  EXPECT_EQ(map.object()["data"], J(R"({"a":"1","b":"2"})")) << "m2 still owns a";
  map.Apply("m2", R"({"metadata":{"name":"c"}})");
  EXPECT_EQ(map.object()["data"], J(R"({"b":"2"})"));
  EXPECT_EQ(map.Owners(), J(R"({"m1 Apply":{"f:data":{"f:b":{}}}})"));
}

TEST(Apply, ForceTakesFieldsAway) {
  Applied<ConfigMap> map;
  map.Update("u", R"({"metadata":{"name":"c"},"data":{"a":"1","b":"2"}})");
  EXPECT_EQ(map.Apply("m", R"({"metadata":{"name":"c"},"data":{"a":"x"}})"),
            "Apply failed with 1 conflict: conflict with \"u\" using v1: .data.a");
  EXPECT_EQ(map.Apply("m", R"({"metadata":{"name":"c"},"data":{"a":"x"}})", true), "");
  EXPECT_EQ(map.Owners(), J(R"({"m Apply":{"f:data":{"f:a":{}}},
                               "u Update":{"f:data":{".":{},"f:b":{}}}})"));
}

TEST(Apply, UntrackedObjectsAreOwnedByWhoCameBefore) {
  Applied<ConfigMap> map;
  map.Update("u", R"({"metadata":{"name":"e"},"data":{"l":"w","n":"1"}})");
  map.Update("u", R"({"metadata":{"name":"e","managedFields":[{}]},"data":{"l":"w","n":"1"}})");
  ASSERT_EQ(map.Owners(), Json::object());
  EXPECT_EQ(map.Apply("ap", R"({"metadata":{"name":"e"},"data":{"o":"1"}})"), "");
  EXPECT_EQ(map.Owners(), J(R"({"ap Apply":{"f:data":{"f:o":{}}},
                  "before-first-apply Update":{"f:data":{".":{},"f:l":{},"f:n":{}}}})"));
  EXPECT_EQ(map.Apply("ap", R"({"metadata":{"name":"e"},"data":{"n":"2","o":"1"}})"),
            "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.n");
}

TEST(Apply, KubectlTakesOverWhatItAppliedFromTheClient) {
  Applied<ConfigMap> map;
  map.Update("kubectl-client-side-apply",
             R"({"metadata":{"name":"csa","annotations":{
                "kubectl.kubernetes.io/last-applied-configuration":
                "{\"apiVersion\":\"v1\",\"data\":{\"k\":\"v\",\"l\":\"w\"},\"kind\":\"ConfigMap\"}"}},
                "data":{"k":"v","l":"w"}})");
  const char* configuration =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"csa"},"data":{"k":"new"}})";
  EXPECT_EQ(map.Apply("gitops", configuration),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: "
            ".data.k");
  EXPECT_EQ(map.Apply("kubectl", configuration), "");
  EXPECT_EQ(map.object()["data"], J(R"({"k":"new","l":"w"})"));
  EXPECT_EQ(map.object()["metadata"]["annotations"][std::string(kLastAppliedAnnotation)],
            "{\"apiVersion\":\"v1\",\"data\":{\"k\":\"new\"},\"kind\":\"ConfigMap\",\"metadata\":"
            "{\"name\":\"csa\"}}\n");
  map.Update("drift", [&] {
    Json object = map.object();
    object["metadata"].erase("managedFields");
    object["data"]["l"] = "drifted";
    return DumpJson(object);
  }());
  EXPECT_EQ(map.Apply("kubectl",
                      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"csa"},
                          "data":{"k":"newer","l":"w"}})"),
            "Apply failed with 1 conflict: conflict with \"drift\" using v1: .data.l");
}

TEST(Apply, KubectlMayApplyNullForAnnotations) {
  Applied<ConfigMap> map;
  map.Update("kubectl-client-side-apply", R"({"metadata": {"name": "a", "annotations": {
      "kubectl.kubernetes.io/last-applied-configuration": "{}"}}})");
  EXPECT_EQ(map.Apply("kubectl", R"({"apiVersion": "v1", "kind": "ConfigMap",
      "metadata": {"name": "a", "annotations": null}, "data": {"k": "v"}})", true), "");
  EXPECT_EQ(map.object()["metadata"]["annotations"][std::string(kLastAppliedAnnotation)],
            "{\"apiVersion\":\"v1\",\"data\":{\"k\":\"v\"},\"kind\":\"ConfigMap\","
            "\"metadata\":{\"name\":\"a\"}}\n");
}

TEST(Apply, NoChangeKeepsTheObjectAndItsTimes) {
  Applied<ConfigMap> map;
  map.Apply("m", R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  const Json before = map.object();
  map.Apply("m", R"({"metadata":{"name":"c"},"data":{"a":"1"}})");
  EXPECT_EQ(map.object(), before);
}

TEST(Apply, WhatDoesNotFitTheSchemaIsRefusedInItsWords) {
  const auto refusal = [](const std::string& spec) {
    return Applied<apps_v1::Deployment>().Apply(
        "m", R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"},"spec":)" +
                 spec + "}");
  };
  const std::string prefix = "failed to create typed patch object (/x; apps/v1, Kind=Deployment): ";
  EXPECT_EQ(refusal(R"({"paused":1})"), prefix + ".spec.paused: expected boolean, got &{1}");
  EXPECT_EQ(refusal(R"({"replicas":"two"})"),
            prefix + ".spec.replicas: expected numeric (int or float), got string");
  EXPECT_EQ(refusal(R"({"repl":1})"), prefix + ".spec.repl: field not declared in schema");
  EXPECT_EQ(refusal(R"({"reps":1,"repl":1,"replicas":"two"})"),
            prefix + ".spec.repl: field not declared in schema")
      << "no more is said of that map";
  EXPECT_EQ(refusal("\"x\""), prefix + ".spec: expected map, got &{x}");
  EXPECT_EQ(refusal(R"({"template":{"spec":{"containers":{"a":"b"}}}})"),
            prefix + ".spec.template.spec.containers: expected list, got &{map[a:b]}");
  EXPECT_EQ(refusal(R"({"template":{"spec":{"containers":[{"name":"c","env":[{"name":"A"},
                      {"name":"A"}]}]}}})"),
            prefix +
                ".spec.template.spec.containers[name=\"c\"].env: duplicate entries for key "
                "[name=\"A\"]");
  EXPECT_EQ(refusal(R"({"replicas":1.5})"),
            "failed to convert new object (/x; apps/v1, Kind=Deployment) to proper version: unable "
            "to convert unstructured object to apps/v1, Kind=Deployment: cannot convert float64 "
            "to int32");
  const auto finalizers = [](const char* list) {
    return Applied<ConfigMap>().Apply(
        "m", std::string(R"({"metadata":{"name":"cm","finalizers":)") + list + "}}");
  };
  EXPECT_EQ(finalizers("[null]"),
            "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .metadata.finalizers: "
            "element 0: associative list without keys has an element that's an explicit null");
  EXPECT_EQ(finalizers("[{}]"),
            "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .metadata.finalizers: "
            "element 0: associative list without keys has an element that's a map type");
  EXPECT_EQ(finalizers("[[]]"),
            "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .metadata.finalizers: "
            "element 0: not supported: associative list with lists as elements");
  EXPECT_EQ(Applied<ConfigMap>().Apply("m", R"({"metadata":{"name":"c","managedFields":[]}})"),
            "metadata.managedFields must be nil");
  EXPECT_EQ(Applied<ConfigMap>().Apply("m", R"({"metadata":{"name":"cm"},"data":{"a":1}})"),
            "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .data.a: expected "
            "string, got &value.valueUnstructured{Value:1}");
}

// Sets of fields hold the JSON of Go, in which markup is escaped; what was stored otherwise means
// the same.
TEST(Apply, MarkupInValuesIsEscaped) {
  Applied<ConfigMap> map;
  EXPECT_EQ(map.Apply("m", R"({"metadata":{"name":"cm","finalizers":["a/b<&>"]}})"), "");
  const std::string fields =
      R"({"f:metadata":{"f:finalizers":{"v:\"a/b\\u003c\\u0026\\u003e\"":{}}}})";
  EXPECT_EQ(DumpJson(map.Owners()), R"({"m Apply":)" + fields + "}");
  const auto stored =
      FieldSetFromText(R"({"f:metadata":{"f:finalizers":{"v:\"a/b<&>\"":{}}}})");
  ASSERT_TRUE(stored);
  EXPECT_EQ(DumpJson(ToJson(*stored)), fields);
  const auto read = FieldSetFromJson(
      *ParseJson(R"({"f:metadata":{"f:finalizers":{"v:\"a/b<&>\"":{}}}})"));
  ASSERT_TRUE(read);
  EXPECT_EQ(DumpJson(ToJson(*read)), fields);
}

// As deduced fields of custom resources do: whoever owned the value is in conflict.
TEST(Apply, WhatNoSchemaDescribesChangesWhenItTurnsIntoAMap) {
  const auto changed = [](const char* before, const char* after) {
    return DumpJson(ToJson(Compare({}, *ParseJson(before), *ParseJson(after)).changed));
  };
  EXPECT_EQ(changed(R"({"k":{"a":1}})", R"({"k":2})"), R"({"f:k":{}})");
  EXPECT_EQ(changed(R"({"k":{"a":1}})", R"({"k":[2]})"), R"({"f:k":{}})");
  EXPECT_EQ(changed(R"({"k":{}})", R"({"k":2})"), R"({"f:k":{}})");
  EXPECT_EQ(changed(R"({"k":2})", R"({"k":{"a":1}})"), R"({"f:k":{".":{},"f:a":{}}})");
  EXPECT_EQ(changed(R"({"k":{"a":1}})", R"({"k":{"a":2}})"), R"({"f:k":{"f:a":{}}})");
  EXPECT_EQ(changed(R"({"k":{"a":1}})", R"({"k":null})"), "{}");
}

// As structured-merge-diff has it: null is of the form of what it meets, and nothing of a map's.
TEST(Apply, WhatNoSchemaDescribesIsMergedByWhatItIs) {
  const auto merged = [](const char* live, const char* applied) {
    return DumpJson(MergeApplied({}, *ParseJson(live), *ParseJson(applied)));
  };
  EXPECT_EQ(merged(R"({"k":"x"})", R"({"k":{}})"), R"({"k":{}})");
  EXPECT_EQ(merged(R"({"k":[1]})", R"({"k":{}})"), R"({"k":{}})");
  EXPECT_EQ(merged(R"({"k":{"a":1}})", R"({"k":null})"), R"({"k":{"a":1}})");
  EXPECT_EQ(merged(R"({"k":{"a":1}})", R"({"k":{}})"), R"({"k":{"a":1}})");
  EXPECT_EQ(merged(R"({"k":{"a":1}})", R"({"k":[]})"), R"({"k":[]})");
  EXPECT_EQ(merged(R"({"k":[1]})", R"({"k":null})"), R"({"k":null})");
  EXPECT_EQ(merged(R"({"k":"x"})", R"({"k":null})"), R"({"k":null})");
}

// Structs keep it as text; it has a type all the same.
TEST(Apply, ASchemaIsCheckedAsWhatItIs) {
  const auto refusal = [](const std::string& schema) {
    return Applied<apiextensions_v1::CustomResourceDefinition>().Apply(
        "m",
        R"({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "x"}, "spec": {"versions": [
            {"name": "v1", "schema": {"openAPIV3Schema": )" +
            schema + "}}]}}");
  };
  EXPECT_EQ(refusal(R"({"type": "object"})"), "");
  EXPECT_TRUE(refusal(R"({"zz": 1})").ends_with(
      ".spec.versions[0].schema.openAPIV3Schema.zz: field not declared in schema"));
  EXPECT_TRUE(refusal("\"x\"").ends_with("openAPIV3Schema: expected map, got &{x}"));
}

}  // namespace
}  // namespace skiff
