// The documents of OpenAPI, over the real server.
#include "apiserver/kinds/openapi_response.h"
#include "apiserver/aggregation/remote_discovery.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class OpenApiResponses : public ServerFixture {};

TEST_F(OpenApiResponses, WhoHasADocumentIsToldThatHeHas) {
  for (const char* path : {"/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1"}) {
    const auto first = Get(path);
    ASSERT_EQ(first.code, 200) << path;
    const std::string tag(first.response.Header("ETag"));
    ASSERT_NE(tag, "") << path;
    const auto again = Ask({.path = path, .headers = {{"If-None-Match", tag}}});
    EXPECT_EQ(again.code, 304) << path;
    EXPECT_EQ(again.response.body, "") << path;
    EXPECT_EQ(again.response.Header("ETag"), tag) << path;
    EXPECT_EQ(Ask({.path = path, .headers = {{"If-None-Match", "\"x\""}}}).code, 200) << path;
  }
}

TEST_F(OpenApiResponses, ADocumentIsMadeAnewWithItsKindsAlone) {
  const std::string apps = Get("/openapi/v3").body["paths"]["apis/apps/v1"]["serverRelativeURL"];
  const auto json = Get(apps);
  const auto message = [&] {
    return Ask({.path = "/openapi/v3/apis/example.com/v1",
                .accept = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"});
  };
  EXPECT_EQ(message().code, 404);
  const auto define = [&](const char* schema) {
    return Json::parse(std::string(R"({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "lamps.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
                 "names": {"plural": "lamps", "kind": "Lamp"},
                 "versions": [{"name": "v1", "served": true, "storage": true,
                               "schema": {"openAPIV3Schema": )") + schema + "}}]}}");
  };
  const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  ASSERT_EQ(Post(definitions, define(R"({"type": "object"})").dump()).code, 201);
  Settle();
  const auto first = message();
  ASSERT_EQ(first.code, 200);
  EXPECT_EQ(message().response.body, first.response.body);
  const Json spec = define(R"({"type": "object", "description": "It shines."})")["spec"];
  ASSERT_EQ(Merge(definitions + "/lamps.example.com", Json{{"spec", spec}}.dump()).code, 200);
  Settle();
  const auto second = message();
  ASSERT_EQ(second.code, 200);
  EXPECT_NE(second.response.body.find("It shines."), std::string::npos);
  EXPECT_NE(second.response.Header("ETag"), first.response.Header("ETag"));
  EXPECT_EQ(Get(apps).response.body, json.response.body);
  ASSERT_EQ(Ask("DELETE", definitions + "/lamps.example.com").code, 200);
  Settle();
  clock_.Advance(2s);
  Settle();
  EXPECT_EQ(message().code, 404);
}

// Of another server, about that version: one path and so many values.
PackedDocumentPtr PackedOf(const std::string& version, size_t values) {
  Json document;
  document["paths"]["/apis/g.io/" + version + "/things"]["get"] = Json::object();
  document["definitions"]["D" + version]["x"] = Json::array_t(values, 0);
  return ReadOpenApiV2(document.dump(), "g.io", version);
}

TEST(OpenApiOfOthers, ThereIsRoomForSoMuchAndNoMore) {
  const KindSet kinds{RuntimeKinds()};
  constexpr size_t kLarge = kRemoteValuesMax - 100;
  const PackedDocumentPtr large = PackedOf("v1", kLarge);
  ASSERT_NE(large, nullptr);
  const OpenApiDocuments::Others others = {
      .v2 = {large, PackedOf("v2", kLarge), PackedOf("v3", kLarge), PackedOf("v4", 10)}};
  http::Request request;
  request.path = "/openapi/v2";
  OpenApiDocuments documents;
  const auto answer = documents.Answer(kinds, request, others);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200);
  const Json paths = Json::parse(answer->body)["paths"];
  for (const char* version : {"v1", "v2", "v4"}) {
    EXPECT_TRUE(paths.contains(std::string("/apis/g.io/") + version + "/things")) << version;
  }
  EXPECT_FALSE(paths.contains("/apis/g.io/v3/things")) << "it would be half as much again";
}

}  // namespace
}  // namespace skiff
