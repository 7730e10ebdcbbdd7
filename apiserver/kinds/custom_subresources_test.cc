// Subresources of custom resources.
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

class CustomSubresources : public CustomResources {};

TEST_F(CustomSubresources, AScaleBelowANullIsNotSet) {
  Json schema = Schema();
  schema["properties"]["spec"]["nullable"] = true;
  Define(Definition(schema));
  ASSERT_EQ(Post(path_, Cron("c", nullptr)).code, 201);
  const Answer shown = Get(path_ + "/c/scale");
  EXPECT_EQ(shown.code, 500);
  EXPECT_NE(shown.message().find("the spec replicas field \".spec.replicas\" does not exist"),
            std::string::npos);
  const std::string why = "value cannot be set because .spec is not a map[string]interface{}";
  const Answer merged = Merge(path_ + "/c/scale", R"({"spec": {"replicas": 3}})");
  EXPECT_EQ(merged.code, 500);
  EXPECT_EQ(merged.message(), why);
  EXPECT_EQ(Ask("PUT", path_ + "/c/scale", R"({"kind": "Scale", "apiVersion": "autoscaling/v1",
      "metadata": {"name": "c", "namespace": "default"}, "spec": {"replicas": 3}})")
                .message(),
            why);
  EXPECT_TRUE(Get(path_ + "/c").body["spec"].is_null());
}

TEST_F(CustomSubresources, AScaleIsOwnedWhereTheDefinitionKeepsTheReplicas) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["size"] = {{"type", "integer"}};
  Json definition = Definition(schema);
  definition["spec"]["versions"][0]["subresources"]["scale"]["specReplicasPath"] = ".spec.size";
  Define(definition);
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"size", 2}})).code, 201);
  const std::string scale = path_ + "/a/scale?fieldManager=scaler";
  const auto owners = [&] { return Get(path_ + "/a").body["metadata"]["managedFields"].dump(); };
  EXPECT_EQ(Merge(scale, R"({"spec": {"replicas": 7}})").code, 200);
  EXPECT_NE(owners().find("scaler"), std::string::npos);
  EXPECT_NE(owners().find("f:size"), std::string::npos);
  EXPECT_EQ(Merge(scale, R"({"spec": {"replicas": 0}})").code, 200);
  EXPECT_EQ(owners().find("f:size"), std::string::npos);
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["size"], 0);
}

TEST_F(CustomSubresources, AScaleIsOwnedThroughTheVersionThatItWasWrittenIn) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["size"] = {{"type", "integer"}};
  Json definition = Definition(schema);
  Json& versions = definition["spec"]["versions"];
  Json second = versions[0];
  second["name"] = "v2";
  second["storage"] = false;
  second["subresources"]["scale"]["specReplicasPath"] = ".spec.size";
  versions.push_back(second);
  Define(definition);
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"replicas", 2}, {"size", 3}})).code, 201);
  std::string other = path_;
  other.replace(other.find("/v1/"), 4, "/v2/");
  ASSERT_EQ(Merge(other + "/a/scale?fieldManager=scaler", R"({"spec": {"replicas": 7}})").code,
            200);
  const Answer now = Get(path_ + "/a");
  EXPECT_EQ(now.body["spec"]["size"], 7);
  for (const Json& entry : now.body["metadata"]["managedFields"]) {
    const bool is_scaler = entry["manager"] == "scaler";
    EXPECT_EQ(entry["apiVersion"] == "example.com/v2", is_scaler);
    // What v1 calls replicas is taken from who wrote it there.
    EXPECT_FALSE(entry["fieldsV1"]["f:spec"].contains("f:replicas"));
    EXPECT_TRUE(entry["fieldsV1"]["f:spec"].contains("f:size"));
  }
  EXPECT_EQ(Ask("PATCH", path_ + "/a/scale?fieldManager=m",
                R"({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"},
                    "spec": {"replicas": 9}})",
                "application/apply-patch+yaml")
                .code,
            409);
}

TEST_F(CustomSubresources, APatchOfAScaleSeesWhoOwnsTheReplicas) {
  Define(Definition(Schema()));
  ASSERT_EQ(
      Post(path_ + "?fieldManager=maker", Cron("a", {{"image", "web"}, {"replicas", 2}})).code,
      201);
  const auto patched = [&](const std::string& manager) {
    return Ask("PATCH", path_ + "/a/scale",
               R"([{"op": "test", "path": "/metadata/managedFields/0/manager", "value": ")" +
                   manager + R"("}])",
               "application/json-patch+json")
        .code;
  };
  EXPECT_EQ(patched("maker"), 200);
  EXPECT_EQ(patched("other"), 422);
}

// The server knows no other form of it there.
TEST_F(CustomSubresources, AScaleIsPatchedWithoutSayingItsVersion) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const Answer scaled = Merge(path_ + "/a/scale", R"({"apiVersion": "", "spec": {"replicas": 5}})");
  EXPECT_EQ(scaled.code, 200) << scaled.message();
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["replicas"], 5);
  const Answer other =
      Merge(path_ + "/a/scale", R"({"apiVersion": null, "metadata": {"name": "z"}})");
  EXPECT_EQ(other.message(), "the name of the object (z) does not match the name on the URL (a)");
}

TEST_F(CustomSubresources, AScaleHasTheColumnsOfACustomResource) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"replicas", 0}})).code, 201);
  const Answer table =
      Ask({.path = path_ + "/a/scale", .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  const Json& columns = table.body["columnDefinitions"];
  EXPECT_EQ(columns[0]["format"], "name");
  EXPECT_EQ(columns[3]["type"], "date");
  EXPECT_EQ(table.body["rows"][0]["cells"][1], Json());
  EXPECT_EQ(table.body["rows"][0]["cells"][2], 0);
}

TEST_F(CustomSubresources, OneObjectIsNoList) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const auto asked = [&](const std::string& path) {
    return Ask({.path = path,
                .accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"});
  };
  const Answer object = asked(path_ + "/a");
  EXPECT_EQ(object.code, 500);
  EXPECT_EQ(object.body, Json({{"kind", "Status"},
                               {"apiVersion", "v1"},
                               {"metadata", Json::object()},
                               {"status", "Failure"},
                               {"message", "content is not a list"},
                               {"code", 500}}));
  const Answer scale = asked(path_ + "/a/scale");
  EXPECT_EQ(scale.code, 406);
  EXPECT_EQ(scale.message(),
            "you requested PartialObjectMetadataList, but the requested object is not a list "
            "(*v1.Scale)");
  EXPECT_EQ(asked(path_).code, 200);
}

TEST_F(CustomSubresources, AScaleIsSentAsNoOtherType) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const auto put = [&](const std::string& api_version) {
    return Ask("PUT", path_ + "/a/scale",
               R"({"kind": "Scale", "apiVersion": ")" + api_version +
                   R"(", "metadata": {"name": "a", "namespace": "default"}})");
  };
  EXPECT_EQ(put("autoscaling/v1").code, 200);
  for (const char* other : {"autoscaling/v2", "apps/v1", "a/b/c"}) {
    const Answer refused = put(other);
    EXPECT_EQ(refused.code, 400);
    EXPECT_EQ(
        refused.message(),
        "no kind is registered for the type v1.Scale in scheme \"pkg/runtime/scheme.go:111\"");
  }
  // Nor is there more to be said of what cannot be read.
  for (const char* wrong : {"{", "[]", R"({"kind": "Scale", "spec": {"replicas": "x"}})"}) {
    const Answer refused = Ask("PUT", path_ + "/a/scale", wrong);
    EXPECT_EQ(refused.code, 400) << wrong;
    EXPECT_EQ(refused.message(), put("apps/v1").message()) << wrong;
  }
}

// As Kubernetes, which reads no further in the path.
TEST_F(CustomSubresources, WhatFollowsOnASubresourceIsNotLookedAt) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const Answer status = Get(path_ + "/a/status/x");
  EXPECT_EQ(status.code, 200);
  EXPECT_EQ(status.body["metadata"]["name"], "a");
  EXPECT_EQ(Get(path_ + "/a/scale/x/y").body["kind"], "Scale");
  const Answer other = Get(path_ + "/a/other/x");
  EXPECT_EQ(other.code, 404);
  EXPECT_EQ(other.message(), "crons.example.com \"a\" not found");
}

// "namespaces/default" is a path in that namespace, and who may change all there is authorized for
// it.
TEST_F(CustomSubresources, WhatHasNoNamespaceIsNotReachedByTheNameOfOne) {
  Json definition = Definition(Schema());
  definition["metadata"]["name"] = "namespaces.example.com";
  definition["spec"]["scope"] = "Cluster";
  definition["spec"]["names"] = {{"plural", "namespaces"}, {"kind", "Cron"}};
  Define(definition);
  const std::string all = "/apis/example.com/v1/namespaces";
  const Answer made = Post(all, Cron("default", {{"image", "web"}}));
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Get(all).body["items"].size(), 1u);
  for (const char* path : {"/namespaces/default", "/namespaces/default/status",
                           "/watch/namespaces/default", "/proxy/namespaces/default"}) {
    const Answer shown = Get(std::string("/apis/example.com/v1") + path);
    EXPECT_EQ(shown.code, 404) << path;
    EXPECT_EQ(shown.response.body, "404 page not found\n") << path;
  }
  EXPECT_EQ(Merge(all + "/default", R"({"spec": {"image": "other"}})").code, 404);
  EXPECT_EQ(Ask("DELETE", all + "/default", "").code, 404);
  EXPECT_EQ(Get(all).body["items"][0]["spec"]["image"], "web");
}

}  // namespace
}  // namespace skiff
