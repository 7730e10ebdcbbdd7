#include "apiserver/objects/patching.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/crd/custom_kind.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

// The same kind with and without a struct: as a built-in one, and as a custom resource.
class PatchingTest : public testing::TestWithParam<bool> {
 protected:
  PatchingTest() : type_(core_v1::ConfigMap::Describe()) {
    static_cast<KindInfo&>(kind_) = core_v1::ConfigMap::Info();
    kind_.type = &type_;
    if (!GetParam()) return;
    type_.ops = nullptr;
    auto custom = std::make_shared<crd::CustomKind>();
    const Json props = Json::parse(R"({"type": "object", "properties": {
        "data": {"type": "object", "additionalProperties": {"type": "string"}}}})");
    custom->own = std::make_shared<crd::VersionSchema>("ConfigMap", "v1", DumpJson(props));
    custom->stored = custom->own;
    kind_.custom = std::move(custom);
  }

  Result<Object> Patch(const char* media, const char* body, FieldValidation validation) {
    const auto old = Object::FromDocument(
        kind_, {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", "m"}, {"namespace", "d"}, {"resourceVersion", "5"}}},
                {"data", {{"a", "1"}, {"b", "2"}}}});
    EXPECT_TRUE(old);
    EXPECT_EQ(old->is_custom(), GetParam());
    http::Request http;
    http.headers.emplace("Content-Type", media);
    http.body = body;
    ApiRequest request{.http = http, .info = {}, .user = {}, .kind = &kind_};
    request.info.namespace_name = "d";
    request.info.name = "m";
    WriteOptions options;
    options.validation = validation;
    auto patched = Patcher{request, options, "", TimePoint()}.Apply(*old);
    warnings_ = request.warnings;
    return patched;
  }

  Type type_;
  RuntimeKind kind_;
  std::vector<std::string> warnings_;
};

TEST_P(PatchingTest, APatchIsReadIntoTheObjectWhateverItsForm) {
  const auto patched = Patch("application/merge-patch+json",
                             R"({"data": {"a": null, "c": "3"}, "zzz": 1})", FieldValidation::kWarn);
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ(patched->metadata().name, "m");
  EXPECT_EQ(patched->metadata().resource_version, "") << "the patch names none";
  EXPECT_EQ(patched->ToDocument()["data"], Json({{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(warnings_, std::vector<std::string>{"unknown field \"zzz\""});
}

TEST_P(PatchingTest, WhatAPatchDoesNotGoIntoStays) {
  constexpr const char* kMerge = "application/merge-patch+json";
  const auto labelled =
      Patch(kMerge, R"({"metadata": {"labels": {"l": "v"}}})", FieldValidation::kStrict);
  ASSERT_TRUE(labelled) << labelled.error().message;
  EXPECT_EQ(labelled->metadata().name, "m");
  EXPECT_EQ(labelled->metadata().labels.at("l"), "v");
  EXPECT_EQ(labelled->ToDocument()["data"], Json({{"a", "1"}, {"b", "2"}}));
  const auto emptied = Patch(kMerge, R"({"data": null})", FieldValidation::kStrict);
  ASSERT_TRUE(emptied) << emptied.error().message;
  EXPECT_EQ(emptied->metadata().name, "m");
  EXPECT_FALSE(emptied->ToDocument().contains("data"));
  if (GetParam()) return;
  // What is no field may mean the whole object.
  const auto replaced = Patch("application/strategic-merge-patch+json",
                              R"({"$patch": "replace", "data": {"c": "3"},
                                  "metadata": {"name": "m", "namespace": "d"}})",
                              FieldValidation::kStrict);
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_EQ(replaced->ToDocument()["data"], Json::parse(R"({"c": "3"})"));
}

// What only a part of the object is made a document for comes out as with all of it.
TEST_P(PatchingTest, AJsonPatchGoesWhereItsPathsLead) {
  const auto patch = [&](const char* body) {
    return Patch("application/json-patch+json", body, FieldValidation::kStrict);
  };
  const auto added = patch(R"([{"op": "test", "path": "/data/a", "value": "1"},
                               {"op": "add", "path": "/data/c", "value": "3"},
                               {"op": "remove", "path": "/data/b"}])");
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->metadata().name, "m");
  EXPECT_EQ(added->ToDocument()["data"], Json({{"a", "1"}, {"c", "3"}}));
  const auto moved = patch(R"([{"op": "add", "path": "/metadata/labels", "value": {}},
                               {"op": "move", "from": "/data/a", "path": "/metadata/labels/l"}])");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->metadata().labels.at("l"), "1");
  EXPECT_EQ(moved->ToDocument()["data"], Json::parse(R"({"b": "2"})"));
  // This means all of its metadata.
  const auto named =
      patch(R"([{"op": "replace", "path": "/metadata", "value": {"name": "m", "namespace": "d"}}])");
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->ToDocument()["data"], Json({{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(patch(R"([{"op": "test", "path": "/data/a", "value": "2"}])"));
  EXPECT_FALSE(patch(R"([{"op": "remove", "path": "/data/z"}])"));
  EXPECT_FALSE(patch(R"([{"op": "add", "path": "/zzz", "value": 1}])"));
}

TEST_P(PatchingTest, WhatDoesNotFitIsRefused) {
  const auto unknown =
      Patch("application/merge-patch+json", R"({"zzz": 1})", FieldValidation::kStrict);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("unknown field \"zzz\""), std::string::npos);
  // A schema judges values later, when the object is validated.
  if (GetParam()) return;
  EXPECT_FALSE(Patch("application/json-patch+json",
                     R"([{"op": "add", "path": "/data/a", "value": [1]}])",
                     FieldValidation::kWarn));
}

// As kube-apiserver looks at them: once all else is well.
TEST_P(PatchingTest, AnApplyTellsLastOfKeysThatItRepeats) {
  const auto apply = [&](const std::string& more, FieldValidation validation) {
    const std::string body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n" + more;
    return Patch("application/apply-patch+yaml", body.c_str(), validation);
  };
  const auto unknown = apply("zzz: 1\nzzz: 2\n", FieldValidation::kStrict);
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().message.ends_with(".zzz: field not declared in schema"))
      << unknown.error().message;
  EXPECT_FALSE(apply("zzz: 1\nzzz: 2\n", FieldValidation::kWarn));
  EXPECT_EQ(warnings_, std::vector<std::string>{});
  const auto twice = apply("data: {c: '3', c: '4'}\n", FieldValidation::kStrict);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message,
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n"
            "  line 4: key \"c\" already set in map");
  const auto warned = apply("data: {c: '3', c: '4'}\n", FieldValidation::kWarn);
  ASSERT_TRUE(warned) << warned.error().message;
  EXPECT_EQ(warnings_, std::vector<std::string>{"line 4: key \"c\" already set in map"});
}

// A custom resource has to say what it is; of a built-in one the kind is known from its URL.
TEST_P(PatchingTest, NoPatchMakesItAnotherKind) {
  const auto refusal = [&](const std::string& media, const char* body) {
    const auto patched =
        Patch(("application/" + media + "+json").c_str(), body, FieldValidation::kWarn);
    if (!patched) return patched.error().message;
    const TypeMeta* self = patched->misnamed();
    return self == nullptr ? std::string("patched") : self->api_version + " " + self->kind;
  };
  constexpr const char* kMerge = "merge-patch";
  for (const char* body : {R"({"kind": 3})", R"({"kind": 3, "data": {"a": "2"}})"}) {
    EXPECT_TRUE(refusal(kMerge, body).ends_with(
        "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct "
        "field .kind of type string")) << refusal(kMerge, body);
  }
  EXPECT_TRUE(refusal(kMerge, R"({"apiVersion": "a/b/c"})")
                  .ends_with("unexpected GroupVersion string: a/b/c"));
  const std::string nameless = "the name of the object (m based on URL) was undeterminable: "
                               "name must be provided";
  const std::string no_kind = refusal("json-patch", R"([{"op": "remove", "path": "/kind"}])");
  const std::string no_version = refusal(kMerge, R"({"apiVersion": null})");
  const std::string other = refusal(kMerge, R"({"apiVersion": "g.io/v2", "kind": "Q"})");
  if (!GetParam()) {
    EXPECT_EQ(no_kind, "patched");
    EXPECT_EQ(no_version, nameless);
    EXPECT_NE(other.find(R"(no kind "Q" is registered for version "g.io/v2")"), other.npos);
    EXPECT_EQ(refusal("strategic-merge-patch", R"({"apiVersion": "g.io/v2", "kind": "Q"})"),
              "patched");
    return;
  }
  EXPECT_NE(no_kind.find("Object 'Kind' is missing in '{\"apiVersion\":\"v1\","), no_kind.npos)
      << no_kind;
  EXPECT_EQ(no_version,
            "Internal error occurred: Object 'apiVersion' is missing in 'object has "
            "no apiVersion field'");
  // Who keeps it as a whole is to judge that.
  EXPECT_EQ(other, "g.io/v2 Q");
  EXPECT_EQ(refusal(kMerge, R"({"apiVersion": "v2"})"), "v2 ConfigMap");
}

// What a patch of text writes is decoded as it stands there; a strategic one is a map by then.
TEST(PatchingNumbersTest, AFractionIsNoIntegerInAPatchOfText) {
  const KindInfo& kind = core_v1::ReplicationController::Info();
  const auto old = Object::FromDocument(kind, {{"metadata", {{"name", "r"}}}});
  ASSERT_TRUE(old);
  const auto replicas = [&](const std::string& media, const char* body) -> std::string {
    http::Request http;
    http.headers.emplace("Content-Type", "application/" + media + "+json");
    http.body = body;
    ApiRequest request{.http = http, .info = {}, .user = {}, .kind = &kind};
    request.info.name = "r";
    const WriteOptions options{};
    const auto patched = Patcher{request, options, "", TimePoint()}.Apply(*old);
    return patched ? patched->ToDocument()["spec"].dump() : patched.error().message;
  };
  constexpr const char* kWhy =
      "json: cannot unmarshal number 3.0 into Go struct field ReplicationControllerSpec.spec."
      "replicas of type int32";
  const std::string merged = replicas("merge-patch", R"({"spec": {"replicas": 3.0}})");
  EXPECT_TRUE(merged.ends_with(kWhy)) << merged;
  EXPECT_NE(merged.find(R"(\"replicas\":3.0)"), std::string::npos) << merged;
  const std::string added =
      replicas("json-patch", R"([{"op": "add", "path": "/spec", "value": {"replicas": 3.0}}])");
  EXPECT_TRUE(added.ends_with(kWhy)) << added;
  EXPECT_EQ(replicas("merge-patch", R"({"spec": {"replicas": 3}})"), R"({"replicas":3})");
  EXPECT_EQ(replicas("strategic-merge-patch", R"({"spec": {"replicas": 3.0}})"),
            R"({"replicas":3})");
}

// What a schema leaves open has no type; the refusal quotes it all the same, keys sorted.
TEST(PatchingOpenPartsTest, ARefusedPatchIsQuotedWhatever) {
  auto custom = std::make_shared<crd::CustomKind>();
  const Json props = Json::parse(R"({"type": "object", "properties": {
      "list": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": true}},
      "map": {"type": "object", "additionalProperties":
          {"x-kubernetes-preserve-unknown-fields": true}}}})");
  custom->own = std::make_shared<crd::VersionSchema>("ConfigMap", "v1", DumpJson(props));
  custom->stored = custom->own;
  RuntimeKind kind;
  static_cast<KindInfo&>(kind) = core_v1::ConfigMap::Info();
  kind.type = &custom->own->type();
  kind.custom = std::move(custom);
  const auto old = Object::FromDocument(
      kind, Json::parse(R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
          "list": [{"z": 1, "b": [{}]}], "map": {"c": {"d": 1}}})"));
  ASSERT_TRUE(old);
  http::Request http;
  http.headers.emplace("Content-Type", "application/merge-patch+json");
  http.body = R"({"zzz": 1})";
  ApiRequest request{.http = http, .info = {}, .user = {}, .kind = &kind};
  request.info.name = "m";
  WriteOptions options;
  options.validation = FieldValidation::kStrict;
  const auto refused = Patcher{request, options, "", TimePoint()}.Apply(*old);
  ASSERT_FALSE(refused);
  const std::string& text = refused.error().message;
  EXPECT_NE(text.find(R"(\"list\":[{\"b\":[{}],\"z\":1}],\"map\":{\"c\":{\"d\":1}})"),
            std::string::npos) << text;
  EXPECT_NE(text.find("unknown field \"zzz\""), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(Forms, PatchingTest, testing::Bool(), [](const auto& info) {
  return info.param ? "Custom" : "BuiltIn";
});

}  // namespace
}  // namespace skiff
