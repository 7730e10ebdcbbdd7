// What clients send that is too long or too deep, or nearly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "apiserver/request/bad_input_fixture.h"

namespace skiff {
namespace {

TEST_F(BadInputTest, ABodyOverThreeMebibytesIsRefusedByEveryVerb) {
  Post(kMaps, R"({"metadata": {"name": "a"}})");
  const std::string one = std::string(kMaps) + "/a";
  const std::vector<std::array<std::string, 3>> requests = {{"POST", kMaps, "application/json"},
                                                            {"POST", kMaps, kProtobufMedia},
                                                            {"PUT", one, "application/yaml"},
                                                            {"PATCH", one, kMergePatch},
                                                            {"PATCH", one, kApply},
                                                            {"DELETE", one, "application/json"},
                                                            {"DELETE", kMaps, "application/json"}};
  for (const auto& [method, path, type] : requests) {
    const auto answer = TooLarge(method, path, type);
    EXPECT_EQ(answer.code, 413) << method << " " << type;
    EXPECT_EQ(answer.body["reason"], "RequestEntityTooLarge");
    EXPECT_EQ(answer.message(), "Request entity too large: limit is 3145728");
  }
  EXPECT_EQ(Get(one).code, 200);
}

// The deepest revision that is taken, walked by everything that walks over objects.
TEST_F(BadInputTest, TheDeepestObjectIsTakenPatchedAndShown) {
  const std::string revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const std::string one = revisions + "/d";
  const auto body = [](const std::string& before) {
    return "{" + before + "\"data\":" + Nested(9'980, "{\"a\":", "").append("{}") +
           std::string(9'981, '}');
  };
  const std::string named = R"("metadata": {"name": "d"}, "revision": 1, )";
  OnThread([&] {
    EXPECT_EQ(Post(revisions, body(named)).code, 201);
    EXPECT_EQ(Get(one).code, 200);
    for (const char* type : {kMergePatch, kStrategicPatch}) {
      const auto answer = Ask("PATCH", one, body(""), type);
      EXPECT_EQ(answer.code, 200) << type << answer.message();
    }
    const auto answer =
        Ask("PATCH", one + "?fieldManager=m&force=true",
            body(R"("apiVersion": "apps/v1", "kind": "ControllerRevision", )" + named), kApply);
    EXPECT_EQ(answer.code, 200) << answer.message();
    for (const char* accept : {"application/yaml", kProtobufMedia,
                               "application/json;as=Table;v=v1;g=meta.k8s.io"}) {
      EXPECT_EQ(Ask({.path = one, .accept = accept}).code, 200) << accept;
      EXPECT_EQ(Ask({.path = revisions, .accept = accept}).code, 200) << accept;
    }
    const std::string path = "/data" + Nested(9'980, "/a", "");
    const auto deeper = Ask("PATCH", one,
                            R"([{"op": "copy", "from": "/data", "path": ")" + path + "/b\"}]",
                            kJsonPatch);
    EXPECT_EQ(deeper.code, 422) << deeper.message();
    EXPECT_EQ(Ask("DELETE", one).code, 200);
  });
}

TEST_F(BadInputTest, ADeepSchemaIsTakenInTimeThatGrowsWithItsLength) {
  const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const auto body = [](size_t depth) {
    std::string schema = Nested(depth, R"({"type": "array", "items": )", "}");
    schema.insert(schema.find('}'), R"({"type": "string"})");
    return R"({"metadata": {"name": "foos.x.io"}, "spec": {"group": "x.io", "scope": "Namespaced",
               "names": {"plural": "foos", "kind": "Foo"}, "versions": [{"name": "v1",
               "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
               "properties": {"a": )" +
           schema + "}}}}]}}";
  };
  OnThread([&] {
    EXPECT_EQ(Post(definitions, body(3'000)).code, 201);
    EXPECT_EQ(Get(definitions + "/foos.x.io").code, 200);
    EXPECT_EQ(Post(definitions, body(20'000)).code, 400);
  });
}

TEST_F(BadInputTest, AnObjectThatEtcdWouldRefuseIsRefused) {
  const std::string revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const auto revision = [](const char* name, size_t bytes) {
    return Json{{"metadata", {{"name", name}}},
                {"revision", 1},
                {"data", {{"k", std::string(bytes, 'x')}}}}.dump();
  };
  EXPECT_EQ(Post(revisions, revision("large", 1'500'000)).code, 201);
  const auto refused = Post(revisions, revision("larger", 1'600'000));
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(), "etcdserver: request is too large");
  EXPECT_EQ(Get(revisions + "/larger").code, 404);
  EXPECT_EQ(Post(revisions, revision("last", 1'572'550)).code, 201);
  EXPECT_EQ(Post(revisions, revision("over", 1'572'640)).code, 500);
  // As kube-apiserver has it of its client, which sends no more than that.
  EXPECT_THAT(Post(revisions, revision("x", 2'200'000)).message(),
              testing::MatchesRegex("rpc error: code = ResourceExhausted desc = trying to send "
                                    "message larger than max .22002.. vs. 2097152."));
}

// In v1beta1, as which kube-apiserver keeps definitions, they have it once.
TEST_F(BadInputTest, VersionsOfOneSchemaAreAsLongAsOne) {
  const auto definition = [](const std::string& plural, char last) {
    Json body =
        Json::parse(R"({"metadata": {}, "spec": {"group": "x.io", "scope": "Namespaced"}})");
    body["metadata"]["name"] = plural + ".x.io";
    body["spec"]["names"] = {{"plural", plural}, {"kind", "Of" + plural}};
    for (const char* name : {"v1", "v2"}) {
      const std::string text = std::string(900'000, 'x') + (*(name + 1) == '2' ? last : 'x');
      body["spec"]["versions"].push_back(
          {{"name", name},
           {"served", true},
           {"storage", name == std::string_view("v1")},
           {"schema", {{"openAPIV3Schema", {{"type", "object"}, {"description", text}}}}}});
    }
    return body.dump();
  };
  const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  EXPECT_EQ(Post(definitions, definition("foos", 'x')).code, 201);
  const auto refused = Post(definitions, definition("bars", 'y'));
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(), "etcdserver: request is too large");
}

// As protobuf, which is what kube-apiserver has etcd keep, they are no longer than they look.
TEST_F(BadInputTest, TextsThatJsonEscapesAreAsLongAsTheirBytes) {
  constexpr size_t kMost = 1 << 20;
  const auto map = [](const std::string& name, const std::string& text) {
    return Json{{"metadata", {{"name", name}}}, {"data", {{"k", text}}}}.dump();
  };
  const std::string too_long = ": []: Too long: may not be more than 1048576 bytes";
  int made = 0;
  for (const char byte : {'\n', '"', '\\', '<'}) {
    const std::string name = "m-" + std::to_string(++made);
    auto answer = Post(kMaps, map(name, std::string(kMost, byte)));
    EXPECT_EQ(answer.code, 201) << byte << answer.message();
    EXPECT_TRUE(answer.body["metadata"].contains("managedFields"));
    EXPECT_EQ(Get(std::string(kMaps) + "/" + name).body["data"]["k"], std::string(kMost, byte));
    const auto refused = Post(kMaps, map("more", std::string(kMost + 1, byte)));
    EXPECT_EQ(refused.code, 422);
    EXPECT_EQ(refused.message(), "ConfigMap \"more\" is invalid" + too_long);
  }
  std::string accents;
  while (accents.size() < kMost) accents += "\u00e9";
  EXPECT_EQ(Post(kMaps, map("accents", accents)).code, 201);
  EXPECT_EQ(Post(kMaps, map("more", accents + "a")).code, 422);
  // As many as a request has room for.
  EXPECT_EQ(Post(kMaps, map("nuls", std::string(500'000, '\0'))).code, 201);
}

TEST_F(BadInputTest, AMebibyteOfNulsComesAsProtobuf) {
  const std::string nuls(1 << 20, '\0');
  const auto body = [](const std::string& text) {
    const Json map = {{"metadata", {{"name", "nuls"}}}, {"data", {{"k", text}}}};
    return EncodeProtobuf(core_v1::ConfigMap::Describe(), {"v1", "ConfigMap"}, map);
  };
  EXPECT_EQ(Ask("POST", kMaps, body(nuls + "a"), kProtobufMedia).code, 422);
  const auto made = Ask("POST", kMaps, body(nuls), kProtobufMedia);
  EXPECT_EQ(made.code, 201) << made.message();
  const std::string path = std::string(kMaps) + "/nuls";
  EXPECT_TRUE(Get(path).body["data"]["k"] == Json(nuls));
  EXPECT_EQ(Merge(path, R"({"metadata": {"labels": {"a": "b"}}})").code, 200);
  EXPECT_TRUE(Get(std::string(kMaps) + "?labelSelector=a%3Db").body["items"][0]["data"]["k"] ==
              Json(nuls));
}

TEST_F(BadInputTest, DeepNestingIsRefusedInEveryForm) {
  Post("/apis/apps/v1/namespaces/default/controllerrevisions",
       R"({"metadata": {"name": "r"}, "revision": 1, "data": {}})");
  const std::string revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const auto raw = [](size_t depth) {
    return R"({"metadata": {"name": "d"}, "revision": 1, "data": {"a": )" +
           Nested(depth, "[", "]") + "}}";
  };
  const auto deep = Post(revisions, raw(20'000));
  EXPECT_EQ(deep.code, 400);
  EXPECT_NE(deep.message().find("exceeded max depth"), std::string::npos) << deep.message();
  for (const char* type : {kMergePatch, kStrategicPatch, kJsonPatch, kApply}) {
    const auto answer = Ask("PATCH", revisions + "/r?fieldManager=m",
                            "{\"data\":" + Nested(20'000, "[", "]") + "}", type);
    EXPECT_EQ(answer.code, 400) << type << answer.body;
  }
  EXPECT_EQ(Ask("POST", kMaps, Nested(20'000, "[", "]"), "application/yaml").code, 400);
  EXPECT_EQ(Ask("POST", kMaps, Nested(20'000, "{\"a\":", "}"), "application/json").code, 400);
}

// What is kept can be read by clients that take 10,000 levels, in whatever stands around it.
TEST_F(BadInputTest, WhatIsKeptIsNotTooDeepForListsAndWatches) {
  const std::string revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const auto revision = [](const std::string& name, size_t depth) {
    return R"({"metadata": {"name": ")" + name + R"("}, "revision": 1, "data": )" +
           Nested(depth - 2, "{\"a\":", "") + "{}" + std::string(depth - 1, '}');
  };
  auto watch = Get(revisions + "?watch=true");
  watch.response.stream->Attach([] {});
  EXPECT_EQ(Post(revisions, revision("deepest", 9984)).code, 201);
  const auto deeper = Post(revisions, revision("deeper", 9985));
  EXPECT_EQ(deeper.code, 400);
  EXPECT_EQ(deeper.message(), "exceeded max depth");
  for (const char* accept : {"application/json", "application/json;as=Table;g=meta.k8s.io;v=v1"}) {
    const auto list = Ask({.path = revisions + "?includeObject=Object", .accept = accept});
    EXPECT_EQ(list.code, 200);
    EXPECT_TRUE(ParseJson(list.response.body).has_value()) << accept;
  }
  EXPECT_TRUE(ParseJson(Streamed(watch.response)).has_value());
}

}  // namespace
}  // namespace skiff
