// Discovery and OpenAPI where other servers answer for some of the versions.
#include "api/codec/json_values.h"
#include "apiserver/aggregation/aggregation_fixture.h"
#include "apiserver/aggregation/remote_documents.h"
#include "base/gzip.h"

namespace skiff {
namespace {

constexpr const char* kAsDiscoveryList = "application/json;g=apidiscovery.k8s.io;v=v2;"
                                "as=APIGroupDiscoveryList";

class MergedDiscoveryTest : public AggregationFixture {
 protected:
  // Of the version in the aggregated list; null: it is not there.
  Json VersionListed(const std::string& group, const std::string& version) {
    const auto list = Ask({.path = "/apis", .accept = kAsDiscoveryList});
    for (const Json& item : list.body["items"]) {
      if (item["metadata"]["name"] != group) continue;
      for (const Json& each : item["versions"]) {
        if (each["version"] == version) return each;
      }
    }
    return Json();
  }
  bool BecomesListed(const std::string& freshness) {
    return Eventually([&] {
      const Json version = VersionListed("wardle.example.com", "v1");
      return version.is_object() && version["freshness"] == freshness;
    });
  }
};

TEST_F(MergedDiscoveryTest, AGroupIsListedByTheWordOfItsApiServices) {
  ASSERT_EQ(Register({{"versionPriority", 10}}).code, 201);
  ASSERT_EQ(Register({{"version", "v2"}, {"versionPriority", 20}}).code, 201);
  const auto group = Get(kGroup);
  ASSERT_EQ(group.code, 200) << "also while nobody answers";
  EXPECT_EQ(group.body["kind"], "APIGroup");
  EXPECT_EQ(group.body["preferredVersion"]["version"], "v2");
  EXPECT_EQ(group.body["versions"].size(), 2u);
  std::vector<std::string> names;
  const Json groups = Get("/apis").body["groups"];
  for (const Json& each : groups) names.push_back(each["name"]);
  const auto at = std::find(names.begin(), names.end(), "wardle.example.com");
  ASSERT_NE(at, names.end());
  EXPECT_EQ(at + 1, names.end()) << "behind those of higher priority";
  ASSERT_EQ(Ask("DELETE", std::string(kApiServices) + "/v1.wardle.example.com").code, 200);
  ASSERT_EQ(Ask("DELETE", std::string(kApiServices) + "/v2.wardle.example.com").code, 200);
  EXPECT_EQ(Get(kGroup).code, 404);
}

TEST_F(MergedDiscoveryTest, WhatAServerHasIsShownAndKeptWhenItGoes) {
  ASSERT_EQ(Register().code, 201);
  EXPECT_TRUE(BecomesListed("Stale"));
  EXPECT_FALSE(VersionListed("wardle.example.com", "v1").contains("resources"));
  MakeService();
  ASSERT_TRUE(Becomes("Passed"));
  ASSERT_TRUE(BecomesListed("Current"));
  Json version = VersionListed("wardle.example.com", "v1");
  EXPECT_EQ(version["resources"][0]["resource"], "flunders");
  EXPECT_EQ(version["resources"][0]["responseKind"]["group"], "wardle.example.com");
  EXPECT_EQ(version["resources"][0]["subresources"][0]["subresource"], "status");
  ASSERT_EQ(Ask("DELETE", "/api/v1/namespaces/default/services/agg").code, 200);
  ASSERT_TRUE(BecomesListed("Stale"));
  version = VersionListed("wardle.example.com", "v1");
  EXPECT_EQ(version["resources"][0]["resource"], "flunders") << "what it said last";
}

TEST_F(MergedDiscoveryTest, AggregatedDiscoveryOfTheServerIsPreferred) {
  At("/apis", [](const http::Request& request) {
    auto list = Says200(R"({"kind": "APIGroupDiscoveryList", "items": [
        {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": []}]},
        {"metadata": {"name": "wardle.example.com"}, "versions": [{"version": "v1", "resources": [
            {"resource": "fischers", "scope": "Cluster", "singularResource": "fischer",
             "verbs": ["list"]}]}]}]})",
                        kAsDiscoveryList);
    list.SetHeader("ETag", "\"one\"");
    if (request.Header("If-None-Match") == "\"one\"") list.status = 304;
    return list;
  });
  Serve();
  ASSERT_TRUE(BecomesListed("Current"));
  EXPECT_EQ(VersionListed("wardle.example.com", "v1")["resources"][0]["resource"], "fischers");
  EXPECT_FALSE(VersionListed("apps", "v1")["resources"].empty()) << "no word on others counts";
}

TEST_F(MergedDiscoveryTest, ADocumentOfAnotherServerIsInTheIndexAndIsItsOwn) {
  EXPECT_EQ(Get(std::string("/openapi/v3") + kVersion).code, 404);
  At("/openapi/v3", [](const http::Request&) {
    return Says200(R"({"paths": {
        "apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=EVIL"},
        "apis/wardle.example.com/v1":
            {"serverRelativeURL": "/openapi/v3/apis/wardle.example.com/v1?hash=ABC"}}})");
  });
  At(std::string("/openapi/v3") + kVersion, [](const http::Request& request) {
    return Says200("{\"asked\": \"" + request.target + "\"}");
  });
  Serve();
  ASSERT_TRUE(Eventually([&] {
    return Get("/openapi/v3").body["paths"].contains("apis/wardle.example.com/v1");
  }));
  const Json paths = Get("/openapi/v3").body["paths"];
  EXPECT_EQ(paths["apis/wardle.example.com/v1"]["serverRelativeURL"],
            "/openapi/v3/apis/wardle.example.com/v1?hash=ABC");
  EXPECT_NE(paths["apis/apps/v1"]["serverRelativeURL"], "/openapi/v3/apis/apps/v1?hash=EVIL");
  http::testing::TestClient client(front_->port());
  const auto document =
      client.Ask(TextOf("GET", std::string("/openapi/v3") + kVersion + "?hash=ABC"));
  EXPECT_EQ(document.status(), 200);
  EXPECT_EQ(document.body, "{\"asked\": \"/openapi/v3/apis/wardle.example.com/v1?hash=ABC\"}");
}

TEST_F(MergedDiscoveryTest, PathsOfAnotherServerAreInTheOneDocumentOfVersionTwo) {
  const std::string own = std::string(kVersion) + "/flunders";
  At("/openapi/v2", [&](const http::Request& request) {
    const std::string tag = "\"1\"";
    Json document;
    document["paths"][own]["get"]["responses"]["200"]["schema"]["$ref"] = "#/definitions/Flunder";
    document["paths"]["/apis/apps/v1/"]["get"]["description"] = "EVIL";
    document["definitions"]["Flunder"]["description"] = "of version " + tag;
    auto answer = Says200(document.dump());
    answer.SetHeader("ETag", tag);
    if (request.Header("If-None-Match") == tag) answer.status = 304;
    return answer;
  });
  const size_t before = Get("/openapi/v2").body["paths"].size();
  Serve();
  ASSERT_TRUE(Eventually([&] { return Get("/openapi/v2").body["paths"].contains(own); }));
  EXPECT_EQ(LastTo("/openapi/v2")->Header("X-Remote-User"), "system:aggregator");
  const Json document = Get("/openapi/v2").body;
  EXPECT_EQ(document["paths"].size(), before + 1);
  EXPECT_NE(document["paths"]["/apis/apps/v1/"]["get"]["description"], "EVIL");
  EXPECT_EQ(document["definitions"]["Flunder"]["description"], "of version \"1\"");
  ASSERT_EQ(Ask("DELETE", std::string(kApiServices) + "/" + kName).code, 200);
  EXPECT_FALSE(Get("/openapi/v2").body["paths"].contains(own));
}

// As of an API server with a thousand definitions, which packs what it is asked for.
TEST_F(MergedDiscoveryTest, OfAVeryLargeDocumentWhatIsAboutTheVersionIsShown) {
  constexpr int kOthers = 60'000;
  const std::string own = std::string(kVersion) + "/flunders";
  Json document;
  document["paths"][own]["get"]["schema"]["$ref"] = "#/definitions/Flunder";
  document["definitions"]["Flunder"]["description"] = "mine";
  for (int i = 0; i < kOthers; ++i) {
    Json& other = document["definitions"]["Other" + std::to_string(i)];
    other["description"] = std::string(150, 'a');
    other["required"] = {"a", "b", "c"};
  }
  const std::string text = document.dump();
  ASSERT_GT(text.size(), RemoteDocuments::kDocumentBytesMax);
  ASSERT_GT(JsonValuesIn(text), kRemoteValuesMax);
  const std::string packed = Gzip(text);
  At("/openapi/v2", [&](const http::Request& request) {
    EXPECT_EQ(request.Header("Accept-Encoding"), "gzip");
    auto answer = Says200(packed);
    answer.SetHeader("Content-Encoding", "gzip");
    return answer;
  });
  Serve();
  ASSERT_TRUE(Eventually([&] { return Get("/openapi/v2").body["paths"].contains(own); }));
  const Json definitions = Get("/openapi/v2").body["definitions"];
  EXPECT_EQ(definitions["Flunder"]["description"], "mine");
  EXPECT_FALSE(definitions.contains("Other0"));
}

TEST_F(MergedDiscoveryTest, NobodyAnswersForWhatTheServerHasBuiltIn) {
  const std::string apps = std::string(kApiServices) + "/v1.apps";
  MakeService();
  Json spec = Spec({{"group", "apps"}});
  const auto refused = Merge(apps, Json{{"spec", spec}}.dump());
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.message(),
            "APIService.apiregistration.k8s.io \"v1.apps\" is invalid: spec.service: Forbidden: "
            "this version is built into the API server, and no other server can answer for it");
  EXPECT_EQ(Merge(apps, R"({"metadata": {"labels": {"a": "b"}}})").code, 200);
  EXPECT_EQ(Get("/apis/apps/v1/deployments").body["kind"], "DeploymentList");
  EXPECT_EQ(Get("/apis/apps/v1").body["kind"], "APIResourceList");
  EXPECT_FALSE(LastTo("/apis/apps/v1/deployments"));
  const Json core = {{"spec", {{"service", spec["service"]}, {"caBundle", spec["caBundle"]}}}};
  EXPECT_EQ(Merge(std::string(kApiServices) + "/v1.", core.dump()).code, 422);
  EXPECT_EQ(Get("/api/v1/namespaces").body["kind"], "NamespaceList");
  EXPECT_FALSE(LastTo("/api/v1/namespaces"));
  ASSERT_EQ(Register({{"group", "apps"}, {"version", "v9"}}).code, 201);
  ASSERT_TRUE(Eventually([&] { return ConditionOf("v9.apps").contains("status"); }));
  EXPECT_EQ(Get("/apis/apps/v9/deployments").code, 503) << "of the same group, another version";
}

}  // namespace
}  // namespace skiff
