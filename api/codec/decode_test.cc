#include "api/codec/decode.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/sample_document.h"
#include "api/gen/admissionregistration_v1.h"
#include "api/gen/apiextensions_v1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Pod;

template <typename T>
std::string ErrorOf(std::string_view text) {
  const auto decoded = DecodeJson(T::Describe(), text, FieldValidation::kStrict);
  return decoded ? "" : decoded.error().message;
}

template <typename T>
std::vector<std::string> StrictErrorsOf(std::string_view text) {
  const auto decoded = DecodeJson(T::Describe(), text, FieldValidation::kWarn);
  return decoded ? decoded->strict_errors : std::vector{decoded.error().message};
}

template <typename T>
Json DocumentOf(std::string_view text) {
  auto decoded = DecodeJson(T::Describe(), text, FieldValidation::kIgnore);
  return decoded ? decoded->document : Json(decoded.error().message);
}

using Strings = std::vector<std::string>;

// Three bytes of a body are a kilobyte of memory otherwise.
TEST(Decode, ListsOfNothingAreBounded) {
  const auto pod = [](size_t containers) {
    std::string text = R"({"spec": {"containers": [{})";
    for (size_t i = 1; i < containers; ++i) text += ",{}";
    return text + "]}}";
  };
  EXPECT_EQ(ErrorOf<Pod>(pod(300'000)), "exceeded max number of listed objects");
  EXPECT_EQ(ErrorOf<Pod>(pod(50'000)), "");
  EXPECT_EQ(ErrorOf<Pod>(pod(300'000) + "x"), "invalid character 'x' after top-level value")
      << "a syntax error outranks it";
}

TEST(Decode, UnknownFieldsAreReportedInTheOrderOfTheText) {
  EXPECT_EQ(StrictErrorsOf<ConfigMap>(
                R"({"metadata": {"name": "a", "lables": {"x": "y"}}, "dat": {}, "data": {}})"),
            (Strings{"unknown field \"metadata.lables\"", "unknown field \"dat\""}));
  EXPECT_EQ(StrictErrorsOf<apps_v1::Deployment>(
                R"({"spec": {"replica": 1, "template": {"spec": {"containers": [{"imagePolicy": "x",
              "env": [{"nam": "y"}]}], "foo": {"bar": 1}}}}, "statuss": 1})"),
            (Strings{"unknown field \"spec.replica\"",
                     "unknown field \"spec.template.spec.containers[0].imagePolicy\"",
                     "unknown field \"spec.template.spec.containers[0].env[0].nam\"",
                     "unknown field \"spec.template.spec.foo\"", "unknown field \"statuss\""}));
  EXPECT_EQ(StrictErrorsOf<ConfigMap>(R"({"Metadata": {}, "metadata": {"Labels": {}}, "DATA": 1})"),
            (Strings{"unknown field \"Metadata\"", "unknown field \"metadata.Labels\"",
                     "unknown field \"DATA\""}));
}

TEST(Decode, DuplicatesAreReportedAndTheLaterOneIsMergedIn) {
  const char* text =
      R"({"metadata":{"name":"dup","name":"dup"},"data":{"k":"1","k":"2"},"data":{"l":"3"}})";
  EXPECT_EQ(StrictErrorsOf<ConfigMap>(text),
            (Strings{"duplicate field \"metadata.name\"", "duplicate field \"data.k\"",
                     "duplicate field \"data\""}));
  EXPECT_EQ(DocumentOf<ConfigMap>(text)["data"], Json::parse(R"({"k": "2", "l": "3"})"));
  EXPECT_EQ(
      StrictErrorsOf<ConfigMap>(
          R"({"metadata":{"labels":{"a":"b","a":"c"}},"data":{"k":"1","k":"2"},"foo":1,"foo":2})"),
      (Strings{"duplicate field \"metadata.labels.a\"", "duplicate field \"data.k\"",
               "unknown field \"foo\""}));
}

// Times, quantities and the like read themselves in Go, which stops at what they say.
TEST(Decode, WhatReadsItselfIsToldBeforeOtherMistakes) {
  EXPECT_EQ(ErrorOf<core_v1::Pod>(R"({"spec": {"hostname": 5, "priority": "x"},
      "metadata": {"creationTimestamp": true, "name": 5}})"),
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.creationTimestamp "
            "of type string");
  EXPECT_EQ(ErrorOf<core_v1::Pod>(R"({"spec": {"hostname": 5}, "metadata": {"name": 5}})"),
            "json: cannot unmarshal number into Go struct field PodSpec.spec.hostname of type "
            "string");
}

TEST(Decode, WhatStandsInWhatReadsItselfIsToldAsWell) {
  const auto error_of = [](const std::string& schemas) {
    return ErrorOf<apiextensions_v1::CustomResourceDefinition>(R"({"spec": {"versions": [)" +
                                                               schemas + "]}}");
  };
  const std::string list = R"({"schema": {"openAPIV3Schema": {"items": )";
  EXPECT_EQ(error_of(list + R"({"additionalProperties": 5}}}})"), "boolean or JSON schema expected");
  EXPECT_EQ(error_of(list + R"({"items": {"maxLength": "many"}}}}})"),
            "json: cannot unmarshal string into Go struct field JSONSchemaProps.maxLength of type "
            "int64");
  EXPECT_EQ(error_of(list + R"({"additionalProperties": 5}}}}, {"schema": {"openAPIV3Schema":
                {"additionalProperties": "x"}}})"),
            "boolean or JSON schema expected");
}

TEST(Decode, FieldsAreNamedAsGoQuotesThem) {
  EXPECT_EQ(StrictErrorsOf<core_v1::ConfigMap>(R"({"da\u0000\"\\ta": {}, "ä": 1})"),
            (Strings{R"(unknown field "da\x00\"\\ta")", R"(unknown field "ä")"}));
}

// A table made at run time may have any number of fields.
TEST(Decode, HundredsOfFieldsAreKnownApart) {
  static const Type kText = {.shape = Shape::kString};
  std::vector<std::string> names;
  for (int i = 0; i < 700; ++i) names.push_back("p" + std::to_string(i));
  std::vector<Field> fields;
  for (const std::string& name : names) fields.push_back({.name = name, .type = &kText});
  const Type type = {.shape = Shape::kStruct, .name = "Wide", .fields = fields};
  std::string text = "{";
  for (const std::string& name : names) text += "\"" + name + "\":\"x\",";
  for (const char* more : {"p191", "p192", "p255", "p256", "p699"}) {
    const auto decoded = DecodeJson(type, text + "\"" + more + "\":\"y\"}", FieldValidation::kWarn);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->strict_errors, (Strings{"duplicate field \"" + std::string(more) + "\""}));
    EXPECT_EQ(decoded->document[more], "y");
    EXPECT_EQ(decoded->document.size(), 700u);
  }
}

TEST(Decode, IgnoreLooksForNothing) {
  const auto decoded =
      DecodeJson(ConfigMap::Describe(), R"({"foo": 1, "data": {"k": "1", "k": "2"}})",
                 FieldValidation::kIgnore);
  EXPECT_TRUE(decoded->strict_errors.empty());
  EXPECT_EQ(decoded->document, Json::parse(R"({"metadata": {}, "data": {"k": "2"}})"));
}

TEST(Decode, AtMostAHundredStrictErrorsAreKept) {
  std::string text = "{";
  for (int i = 0; i < 150; ++i) text += "\"x" + std::to_string(i) + "\": 1,";
  text += "\"metadata\": {}}";
  EXPECT_EQ(StrictErrorsOf<ConfigMap>(text).size(), kStrictErrorsMax);
}

// Each names the whole path.
TEST(Decode, StrictErrorsAreBoundedInBytes) {
  std::string unknown = "\"x\": 1";
  for (int i = 0; i < 90; ++i) unknown += ", \"x" + std::to_string(i) + "\": 1";
  const auto text_of = [&](size_t key_bytes) {
    return R"({"spec": {"versions": [{"schema": {"openAPIV3Schema": {"properties": {")" +
           std::string(key_bytes, 'k') + "\": {" + unknown + "}}}}}]}}";
  };
  using Crd = apiextensions_v1::CustomResourceDefinition;
  EXPECT_EQ(StrictErrorsOf<Crd>(text_of(1000)).size(), 91);
  EXPECT_EQ(StrictErrorsOf<Crd>(text_of(300'000)).size(), 4);
  EXPECT_EQ(StrictErrorsOf<Crd>(text_of(2'000'000)).size(), 1);
}

TEST(Decode, WrongTypesAreRefusedWithGoPaths) {
  EXPECT_EQ(ErrorOf<apps_v1::Deployment>(R"({"spec": {"replicas": "2"}})"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of "
            "type int32");
  EXPECT_EQ(ErrorOf<apps_v1::Deployment>(R"({"spec": {"replicas": 1.5}})"),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas "
            "of type int32");
  EXPECT_EQ(ErrorOf<apps_v1::Deployment>(R"({"spec": {"replicas": 4294967296}})"),
            "json: cannot unmarshal number 4294967296 into Go struct field "
            "DeploymentSpec.spec.replicas of type int32");
  EXPECT_EQ(ErrorOf<apps_v1::Deployment>(R"({"spec": {"paused": 1}})"),
            "json: cannot unmarshal number into Go struct field DeploymentSpec.spec.paused of "
            "type bool");
  EXPECT_EQ(ErrorOf<Pod>(R"({"spec": {"containers": {"name": "c"}}})"),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type "
            "[]v1.Container");
  EXPECT_EQ(ErrorOf<Pod>(R"({"metadata": [], "spec": {}})"),
            "json: cannot unmarshal array into Go struct field Pod.metadata of type v1.ObjectMeta");
  EXPECT_EQ(ErrorOf<Pod>(R"({"metadata": {"labels": {"a": true}}})"),
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type "
            "string");
  EXPECT_EQ(ErrorOf<Pod>(R"({"spec": {"containers": [{"env": [{"value": 1}]}]}})"),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value "
            "of type string");
  EXPECT_EQ(ErrorOf<ConfigMap>(R"({"foo": 1, "data": [1]})"),
            "json: cannot unmarshal array into Go struct field ConfigMap.data of type "
            "map[string]string");
  EXPECT_EQ(ErrorOf<core_v1::Service>(R"({"spec": {"ports": [{"targetPort": [1]}]}})"),
            "json: cannot unmarshal array into Go struct field ServicePort.spec.ports.targetPort "
            "of type int32");
}

// Embedded structs stand on the path, though JSON does not show them; a field's type has the name
// that its declaration gives it.
TEST(Decode, WrongTypesAreNamedAsGoDeclaresThem) {
  const auto of_pod = [](const std::string& spec) {
    return ErrorOf<Pod>(R"({"spec": {)" + spec + "}}");
  };
  EXPECT_EQ(of_pod(R"("volumes": [{"projected": {"sources": [{"secret": {"items": [[]]}}]}}])"),
            "json: cannot unmarshal array into Go struct field SecretProjection.spec.volumes."
            "VolumeSource.projected.sources.secret.items of type v1.KeyToPath");
  EXPECT_EQ(of_pod(R"("containers": [{"envFrom": [{"configMapRef": {"name": 5}}]}])"),
            "json: cannot unmarshal number into Go struct field ConfigMapEnvSource.spec.containers."
            "envFrom.configMapRef.LocalObjectReference.name of type string");
  EXPECT_EQ(of_pod(R"("containers": [{"livenessProbe": {"httpGet": {"port": true}}}])"),
            "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers."
            "livenessProbe.ProbeHandler.httpGet.port of type int32");
  EXPECT_EQ(of_pod(R"("containers": [{"resources": {"limits": []}}])"),
            "json: cannot unmarshal array into Go struct field ResourceRequirements.spec."
            "containers.resources.limits of type v1.ResourceList");
  EXPECT_EQ(ErrorOf<Pod>(R"({"metadata": {"ownerReferences": [{"uid": 1}]}})"),
            "json: cannot unmarshal number into Go struct field OwnerReference.metadata."
            "ownerReferences.uid of type types.UID");
  EXPECT_EQ(ErrorOf<core_v1::Node>(R"({"status": {"volumesInUse": {}}})"),
            "json: cannot unmarshal object into Go struct field NodeStatus.status.volumesInUse of "
            "type []v1.UniqueVolumeName");
  EXPECT_EQ(ErrorOf<core_v1::Node>(R"({"status": {"volumesInUse": [true]}})"),
            "json: cannot unmarshal bool into Go struct field NodeStatus.status.volumesInUse of "
            "type v1.UniqueVolumeName");
  EXPECT_EQ(ErrorOf<apps_v1::StatefulSet>(R"({"spec": {"volumeClaimTemplates": [{"kind": []}]}})"),
            "json: cannot unmarshal array into Go struct field PersistentVolumeClaim.spec."
            "volumeClaimTemplates.TypeMeta.kind of type string");
  // Embedded in what is embedded.
  EXPECT_EQ(ErrorOf<admissionregistration_v1::ValidatingAdmissionPolicy>(
                R"({"spec": {"matchConstraints": {"resourceRules": [{"apiGroups": "x"}]}}})"),
            "json: cannot unmarshal string into Go struct field NamedRuleWithOperations.spec."
            "matchConstraints.resourceRules.RuleWithOperations.Rule.apiGroups of type []string");
}

TEST(Decode, BytesMayBeAListOfNumbers) {
  core_v1::Secret secret;
  ASSERT_TRUE(DecodeStruct(core_v1::Secret::Describe(),
                           R"({"data": {"a": [], "b": [104, 105, null, 255]}})",
                           FieldValidation::kIgnore, &secret));
  EXPECT_EQ(secret.data["a"], "");
  EXPECT_EQ(secret.data["b"], std::string("hi\0\xff", 4));
  EXPECT_EQ(ErrorOf<core_v1::Secret>(R"({"data": {"a": [256]}})"),
            "json: cannot unmarshal number 256 into Go struct field Secret.data of type uint8");
  EXPECT_EQ(ErrorOf<core_v1::Secret>(R"({"data": {"a": ["x"]}})"),
            "json: cannot unmarshal string into Go struct field Secret.data of type uint8");
}

TEST(Decode, TimesAreQuotedByTheirBytes) {
  EXPECT_EQ(ErrorOf<Pod>(R"({"metadata": {"creationTimestamp": "é\"\n"}})"),
            "parsing time \"\\xc3\\xa9\\\"\\x0a\" as \"2006-01-02T15:04:05Z07:00\": cannot "
            "parse \"\\xc3\\xa9\\\"\\x0a\" as \"2006\"");
}

TEST(Decode, ValuesThatDoNotParseAreRefused) {
  const std::string format =
      "quantities must match the regular expression "
      "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  for (const char* value : {"\"lots\"", "[1]", "true", "\"\""}) {
    EXPECT_EQ(ErrorOf<Pod>(std::string(R"({"spec":{"containers":[{"resources":{"limits":{"cpu":)") +
                           value + "}}}]}}"),
              format);
  }
  EXPECT_EQ(ErrorOf<core_v1::Event>(R"({"firstTimestamp": "yesterday"})"),
            "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
            "\"yesterday\" as \"2006\"");
  EXPECT_EQ(ErrorOf<core_v1::Secret>(R"({"data": {"k": "not base64!"}})"),
            "illegal base64 data at input byte 3");
}

TEST(Decode, ASyntaxErrorOutranksAWrongType) {
  EXPECT_EQ(ErrorOf<Pod>(R"({"metadata": [], "spec": {},})"),
            "invalid character '}' looking for beginning of object key string");
}

TEST(Decode, NullsAreAbsentOrZero) {
  EXPECT_EQ(DocumentOf<ConfigMap>(
                R"({"metadata": {"name": "nu", "labels": null, "annotations": {"a": null},
                    "finalizers": null}, "data": {"k": null}, "immutable": null})"),
            Json::parse(R"({"metadata": {"name": "nu", "annotations": {"a": ""}},
                            "data": {"k": ""}})"));
  EXPECT_EQ(DocumentOf<Pod>(R"({"spec": {"containers": [null]}})")["spec"]["containers"],
            Json::parse(R"([{"name": "", "resources": {}}])"));
  EXPECT_EQ(DocumentOf<Pod>(R"({"spec": {"containers":
                [{"name": "a", "resources": {"limits": {"cpu": null}, "requests": {}}}]}})")
                ["spec"]["containers"],
            Json::parse(R"([{"name": "a", "resources": {"limits": {"cpu": "0"}}}])"));
  EXPECT_EQ(DocumentOf<ConfigMap>("null"), Json::parse(R"({"metadata": {}})"));
}

TEST(Decode, EmptyOptionalFieldsGoAndRequiredOnesStay) {
  EXPECT_EQ(DocumentOf<Pod>(R"({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a",
                "labels": {}, "generation": 0, "creationTimestamp": null}, "spec": {"nodeName": "",
                "containers": [], "terminationGracePeriodSeconds": 0, "hostNetwork": false,
                "securityContext": {}}})"),
            Json::parse(R"({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"},
                "spec": {"containers": null, "terminationGracePeriodSeconds": 0,
                "securityContext": {}}, "status": {}})"));
  const Json event = DocumentOf<core_v1::Event>("{}");
  EXPECT_TRUE(event.at("firstTimestamp").is_null());
  const Json service = DocumentOf<core_v1::Service>(R"({"spec": {"ports": [{"port": 80}]}})");
  EXPECT_EQ(service["spec"]["ports"], Json::parse(R"([{"port": 80, "targetPort": 0}])"));
  EXPECT_EQ(service["status"], Json::parse(R"({"loadBalancer": {}})"));
}

TEST(Decode, ScalarsBecomeCanonical) {
  const Json pod = DocumentOf<Pod>(
      R"({"metadata": {"creationTimestamp": "2026-01-02T03:04:05.9+01:00"}, "spec": {"containers":
          [{"name": "c", "resources": {"limits": {"cpu": 0.5, "memory": " 1024Mi "}}}]}})");
  EXPECT_EQ(pod["metadata"]["creationTimestamp"], "2026-01-02T02:04:05Z");
  EXPECT_EQ(pod["spec"]["containers"][0]["resources"]["limits"],
            Json::parse(R"({"cpu": "500m", "memory": "1Gi"})"));
}

TEST(Decode, SchemasInsideUnionsAreDecodedToo) {
  const char* text = R"({"type": "array", "unknown": 1, "items": {"type": "object", "unknown": 1,
      "title": "", "properties": {"a": {"additionalProperties": {"nope": 1, "format": "int32"}}}},
      "additionalItems": true, "dependencies": {"d": ["x"]}})";
  const auto decoded = DecodeJson(*FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps"),
                                  text, FieldValidation::kWarn);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->strict_errors, Strings{"unknown field \"unknown\""});
  EXPECT_EQ(decoded->document,
            Json::parse(R"({"type": "array", "items": {"type": "object", "properties": {"a":
                {"additionalProperties": {"format": "int32"}}}}, "additionalItems": true,
                "dependencies": {"d": ["x"]}})"));
}

TEST(Decode, WhatIsNoSchemaIsNotTakenForOne) {
  const auto decoded = [](const std::string& text) {
    const auto read = DecodeJson(*FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps"),
                                 text, FieldValidation::kWarn);
    return read ? DumpJson(read->document) : read.error().message;
  };
  for (const std::string wrong : {"5", "\"true\"", "\"\"", "[]", "[{}, [1]]", "0.5"}) {
    EXPECT_EQ(decoded("{\"additionalProperties\": " + wrong + ", \"type\": \"object\"}"),
              "boolean or JSON schema expected")
        << wrong;
    EXPECT_EQ(decoded("{\"additionalItems\": " + wrong + "}"), "boolean or JSON schema expected");
  }
  EXPECT_EQ(decoded(R"({"additionalProperties": null})"), "{}");
  for (const std::string none : {"5", "\"x\"", "true", "[]"}) {
    EXPECT_EQ(decoded("{\"items\": " + none + "}"), decoded(R"({"items": []})")) << none;
  }
}

TEST(Decode, NormalFormIsStable) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct) continue;
    const Json sample = SampleDocument(*type, 1);
    const auto decoded = DecodeJson(*type, DumpJson(sample), FieldValidation::kStrict);
    ASSERT_TRUE(decoded) << type->name << ": " << decoded.error().message;
    EXPECT_EQ(decoded->document, sample) << type->api_version << " " << type->name;
    EXPECT_EQ(decoded->strict_errors, Strings{}) << type->name;
    const Json zero = ZeroDocument(*type);
    EXPECT_EQ(*Normalize(*type, zero), zero) << type->name;
    EXPECT_EQ(*ParseJson(EncodeDocument(*type, sample)), sample) << type->name;
  }
}

TEST(Decode, EncodingFollowsTheOrderOfTheTable) {
  const Json document = DocumentOf<Pod>(
      R"({"spec": {"containers": [{"image": "i", "name": "c"}]}, "metadata": {"name": "a"},
          "apiVersion": "v1", "kind": "Pod"})");
  EXPECT_EQ(EncodeDocument(Pod::Describe(), document),
            R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"containers":)"
            R"([{"name":"c","image":"i","resources":{}}]},"status":{}})");
}

TEST(Decode, AKindThatNoSchemeHasIsToldOfInGosWords) {
  const TypeMeta meta = {"g.io/v\"1", "Foo"};
  EXPECT_EQ(NoKindRegistered(meta, ""), R"(no kind "Foo" is registered for version "g.io/v\"1")");
  EXPECT_EQ(NoKindRegistered(meta, kRuntimeScheme),
            R"(no kind "Foo" is registered for version "g.io/v\"1" in scheme )"
            R"("pkg/runtime/scheme.go:111")");
}

TEST(Decode, PeekingReadsKindAndVersionAlone) {
  EXPECT_EQ(*PeekTypeMeta(R"({"spec": {"kind": "X"}, "kind": "Pod", "apiVersion": "v1"})"),
            (TypeMeta{"v1", "Pod"}));
  EXPECT_EQ(*PeekTypeMeta("null"), TypeMeta{});
  EXPECT_EQ(*TypeMetaOf({{"spec", {{"kind", "X"}}}, {"kind", "Pod"}, {"apiVersion", "v1"}}),
            (TypeMeta{"v1", "Pod"}));
  EXPECT_EQ(*TypeMetaOf(nullptr), TypeMeta{});
  EXPECT_EQ(TypeMetaOf(Json::array({1})).error().message, PeekTypeMeta("[]").error().message);
  EXPECT_EQ(TypeMetaOf("x").error().message, PeekTypeMeta(R"("x")").error().message);
  EXPECT_EQ(TypeMetaOf({{"kind", 1}}).error().message,
            PeekTypeMeta(R"({"kind": 1})").error().message);
  EXPECT_EQ(PeekTypeMeta("[]").error().message,
            "json: cannot unmarshal array into Go value of type struct { APIVersion string "
            "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }");
  EXPECT_EQ(PeekTypeMeta("{\"metadata\":").error().message, "unexpected end of JSON input");
}

}  // namespace
}  // namespace skiff
