#include "api/codec/typed.h"

#include <gtest/gtest.h>

#include "api/codec/decode.h"
#include "api/codec/sample_document.h"
#include "api/codec/struct_ptr.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

TEST(Typed, EveryBuiltInTypeSurvivesTheWayThroughItsStruct) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct || type->ops == nullptr) continue;
    for (const int salt : {1, 2}) {
      Json sample = SampleDocument(*type, salt);
      const StructPtr object = MakeStruct(*type);
      const auto read = FromJson(*type, sample, object.get());
      ASSERT_TRUE(read) << type->api_version << " " << type->name << ": " << read.error().message;
      EXPECT_EQ(ToJson(*type, object.get()), sample) << type->api_version << " " << type->name;
    }
  }
}

TEST(Typed, AnEmptyStructIsTheZeroDocument) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct || type->ops == nullptr) continue;
    const StructPtr object = MakeStruct(*type);
    Json document = ToJson(*type, object.get());
    if (type->type_meta) {
      document.erase("kind");
      document.erase("apiVersion");
    }
    const Json zero = ZeroDocument(*type);
    if (document.dump().find("\"kind\":") != std::string::npos) continue;  // Embeds another kind.
    EXPECT_EQ(document, zero) << type->api_version << " " << type->name;
  }
}

TEST(Typed, EmptyFieldsAreLeftOutAndStructuresByValueStay) {
  core_v1::Pod pod;
  pod.metadata.name = "a";
  EXPECT_EQ(ToJson(pod), Json::parse(R"({"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "a"}, "spec": {"containers": null}, "status": {}})"));
  core_v1::Event event;
  const Json document = ToJson(event);
  EXPECT_TRUE(document.at("firstTimestamp").is_null());
  EXPECT_TRUE(document.at("eventTime").is_null());
  EXPECT_EQ(document.at("source"), Json::object());
  EXPECT_FALSE(document.contains("count"));
}

TEST(Typed, ScalarsKeepTheirMeaning) {
  const auto pod = FromJson<core_v1::Pod>(Json::parse(R"({
    "metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:05Z", "unknown": 1},
    "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}},
      "livenessProbe": {"httpGet": {"port": "web"}}}], "terminationGracePeriodSeconds": 0}})"));
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->metadata.creation_timestamp.Rfc3339(), "2026-01-02T03:04:05Z");
  const auto& container = pod->spec.containers.at(0);
  EXPECT_EQ(container.resources.limits.at("cpu").MilliValue(), 500);
  EXPECT_EQ(container.liveness_probe->http_get->port.text(), "web");
  EXPECT_EQ(pod->spec.termination_grace_period_seconds, 0);
  const Json back = ToJson(*pod);
  EXPECT_EQ(back["spec"]["terminationGracePeriodSeconds"], 0);
  EXPECT_EQ(back["spec"]["containers"][0]["resources"]["limits"]["cpu"], "500m");
}

TEST(Typed, AWrongTypeIsRefusedInGoWords) {
  const auto error = [](const char* text) {
    return FromJson<apps_v1::Deployment>(Json::parse(text)).error().message;
  };
  EXPECT_EQ(error(R"({"spec": {"replicas": "2"}})"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of "
            "type int32");
  EXPECT_EQ(error(R"({"spec": {"template": {"spec": {"containers": [{"env": {}}]}}}})"),
            "json: cannot unmarshal object into Go struct field "
            "Container.spec.template.spec.containers.env of type []v1.EnvVar");
  EXPECT_EQ(error(R"([])"), "json: cannot unmarshal array into Go value of type v1.Deployment");
}

}  // namespace
}  // namespace skiff
