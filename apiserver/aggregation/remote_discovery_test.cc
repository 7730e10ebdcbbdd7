#include "apiserver/aggregation/remote_discovery.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "base/gzip.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

TEST(RemoteDiscovery, OfAnAggregatedDocumentItsOwnVersionCounts) {
  const std::string text = R"({"kind": "APIGroupDiscoveryList",
      "apiVersion": "apidiscovery.k8s.io/v2", "items": [
      {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
          {"resource": "lies", "scope": "Cluster", "singularResource": "", "verbs": ["get"]}]}]},
      {"metadata": {"name": "g.example.com"}, "versions": [
          {"version": "v2", "resources": []},
          {"version": "v1", "freshness": "Current", "resources": [
              {"resource": "things", "scope": "Namespaced", "singularResource": "thing",
               "verbs": ["list"], "unknown": 1}]}]}]})";
  const auto read = ReadAggregatedDiscovery(text, "g.example.com", "v1");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->resources.size(), 1u);
  EXPECT_EQ(read->resources[0].resource, "things");
  EXPECT_EQ(ReadAggregatedDiscovery(text, "g.example.com", "v3").error().reason,
            Reason::kNotFound);
}

TEST(RemoteDiscovery, WhatIsNoDiscoveryIsRefused) {
  for (const std::string text :
       {"", "[]", "{", "17", R"({"items": 3})", R"({"items": [1, null, {"metadata": 1}]})",
        R"({"items": [{"metadata": {"name": "g"}, "versions": {"a": 1}}]})",
        R"({"items": [{"metadata": {"name": "g"}, "versions": [{"version": "v1",
            "resources": "none"}]}]})"}) {
    EXPECT_FALSE(ReadAggregatedDiscovery(text, "g", "v1")) << text;
    EXPECT_FALSE(ReadResourceList(text, "g", "v1")) << text;
  }
}

TEST(RemoteDiscovery, AListOfResourcesBecomesTheSame) {
  const auto read = ReadResourceList(R"({"kind": "APIResourceList", "groupVersion": "g/v1",
      "resources": [
      {"name": "orphans/status", "kind": "X", "verbs": ["get"]},
      {"name": "things/scale", "group": "autoscaling", "version": "v1", "kind": "Scale",
       "verbs": ["get", "update"]},
      {"name": "things", "singularName": "thing", "namespaced": true, "kind": "Thing",
       "verbs": ["get", "list"], "shortNames": ["th"], "categories": ["all"]}]})",
                                     "g", "v1");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->resources.size(), 1u);
  const auto& thing = read->resources[0];
  EXPECT_EQ(thing.scope, "Namespaced");
  EXPECT_EQ(thing.response_kind->group, "g");
  EXPECT_EQ(thing.response_kind->version, "v1");
  EXPECT_EQ(thing.short_names, std::vector<std::string>{"th"});
  ASSERT_EQ(thing.subresources.size(), 1u);
  EXPECT_EQ(thing.subresources[0].subresource, "scale");
  EXPECT_EQ(thing.subresources[0].response_kind->group, "autoscaling");
}

// As of a server that lies; each one used to be looked up among all resources.
TEST(RemoteDiscovery, SubresourcesOfManyResourcesAreFoundAtOnce) {
  const auto cost_beside = [](size_t resources) {
    Json list = Json::array();
    for (size_t i = 0; i < resources; ++i) list.push_back({{"name", std::to_string(i)}});
    for (size_t i = 0; i < 20'000; ++i) list.push_back({{"name", "nowhere/status"}});
    const std::string text = Json{{"kind", "APIResourceList"}, {"resources", list}}.dump();
    const double begin = ThreadSeconds();
    const auto read = ReadResourceList(text, "g", "v1");
    const double spent = ThreadSeconds() - begin;
    EXPECT_EQ(read ? read->resources.size() : 0, resources);
    return spent;
  };
  cost_beside(1);
  const double few = cost_beside(1);
  EXPECT_LT(cost_beside(1'000), 3 * few);
}

std::string OpenApiV2With(size_t values) {
  Json document = {{"paths", {{"/apis/g/v1/things", {{"get", Json::object()}}}}}};
  document["definitions"]["d"]["x"] = Json::array_t(values, Json::object());
  document["info"] = {{"title", "of no interest"}};
  return document.dump();
}

// Eight megabytes of "{}," would take some twenty times that.
TEST(RemoteDiscovery, AnAnswerOfVeryManyValuesIsNotRead) {
  constexpr size_t kFew = 1'000;
  const auto few = ReadOpenApiV2(OpenApiV2With(kFew), "g", "v1");
  ASSERT_NE(few, nullptr);
  const Json kept = Json::parse(Gunzip(few->packed));
  EXPECT_EQ(kept["definitions"]["d"]["x"].size(), kFew);
  EXPECT_FALSE(kept.contains("info"));
  EXPECT_EQ(few->values, kFew + 8);
  EXPECT_EQ(few->bytes, kept.dump().size());
  Json many = Json::parse(OpenApiV2With(kRemoteValuesMax));
  const auto part = ReadOpenApiV2(many.dump(), "g", "v1");
  ASSERT_NE(part, nullptr) << "no path leads to what is large";
  EXPECT_EQ(Json::parse(Gunzip(part->packed))["paths"].size(), 1u);
  EXPECT_LT(part->values, 10u);
  many["paths"]["/apis/g/v1/things"]["get"]["$ref"] = "#/definitions/d";
  EXPECT_EQ(ReadOpenApiV2(many.dump(), "g", "v1"), nullptr);

  const auto verbs = [](size_t count) {
    const Json resources = {{{"name", "things"}, {"verbs", Json::array_t(count, "get")}}};
    return Json{{"kind", "APIResourceList"}, {"resources", resources}}.dump();
  };
  EXPECT_TRUE(ReadResourceList(verbs(kFew), "g", "v1"));
  EXPECT_FALSE(ReadResourceList(verbs(kRemoteValuesMax), "g", "v1"));
  const auto discovery = [](size_t count) {
    const Json version = {{"version", "v1"}, {"resources", Json::array_t(count, Json::object())}};
    const Json item = {{"metadata", {{"name", "g"}}}, {"versions", {version}}};
    return Json{{"items", {item}}}.dump();
  };
  EXPECT_TRUE(ReadAggregatedDiscovery(discovery(kFew), "g", "v1"));
  EXPECT_FALSE(ReadAggregatedDiscovery(discovery(kRemoteValuesMax), "g", "v1"));
  const auto index = [](size_t count) {
    return Json{{"more", Json::array_t(count, 0)},
                {"paths", {{"apis/g/v1", {{"serverRelativeURL", "/x?hash=A"}}}}}}
        .dump();
  };
  EXPECT_EQ(OpenApiHashIn(index(kFew), "apis/g/v1"), "A");
  EXPECT_EQ(OpenApiHashIn(index(kRemoteValuesMax), "apis/g/v1"), "");
}

// Thirty kilobytes that unpack into thirty megabytes of "<" used to take six times as much.
TEST(RemoteDiscovery, ADocumentThatGrowsMuchAsItIsWrittenIsNotKept) {
  const auto is_kept = [](const std::string& much, size_t values) {
    std::string text = R"({"x": [0)";
    for (size_t i = 0; i < values; ++i) text += ",0";
    text += R"(], "paths": {"/apis/g/v1/things": {"get": {"title": ")" + much + "\"}}}}";
    const auto document = ReadOpenApiV2(text, "g", "v1");
    EXPECT_LT(document == nullptr ? 0 : document->bytes, 2 * text.size() + (1 << 20));
    return document != nullptr;
  };
  const auto times = [](size_t count, std::string_view each) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += each;
    return text;
  };
  constexpr size_t kMuch = 600'000;
  for (const size_t values : {size_t{0}, kRemoteValuesMax}) {
    EXPECT_TRUE(is_kept(times(kMuch, "a"), values));
    EXPECT_TRUE(is_kept(times(kMuch, "\u00e9"), values));
    EXPECT_TRUE(is_kept(times(kMuch, R"(\u003c)"), values)) << "as it is written anyway";
    EXPECT_TRUE(is_kept(times(1'000, "<"), values)) << "it takes little";
    EXPECT_FALSE(is_kept(times(kMuch, "<"), values));
    EXPECT_FALSE(is_kept(times(kMuch, "\xff"), values));
  }
}

TEST(RemoteDiscovery, TheHashOfADocumentIsTakenFromTheIndex) {
  const std::string index = R"({"paths": {
      "apis/g/v1": {"serverRelativeURL": "/openapi/v3/apis/g/v1?hash=ABC123"},
      "apis/g/v2": {"serverRelativeURL": "/openapi/v3/apis/g/v2?hash=\"><script>"},
      "apis/g/v3": {"serverRelativeURL": "/openapi/v3/apis/g/v3"},
      "apis/g/v4": 17}})";
  EXPECT_EQ(OpenApiHashIn(index, "apis/g/v1"), "ABC123");
  for (const char* key : {"apis/g/v2", "apis/g/v3", "apis/g/v4", "apis/g/v5"}) {
    EXPECT_EQ(OpenApiHashIn(index, key), "") << key;
  }
  EXPECT_EQ(OpenApiHashIn("{", "apis/g/v1"), "");
}

}  // namespace
}  // namespace skiff
