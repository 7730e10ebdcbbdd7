// Objects that their schema's defaults would make larger than objects may be.
#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

class LargeDefaults : public ServerFixture {
 protected:
  static constexpr const char* kDefinitions =
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  static constexpr const char* kDefinition =
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/lamps.example.com";
  static constexpr const char* kLamps = "/apis/example.com/v1/namespaces/default/lamps";

  // Of v1, which objects are kept in; v2 has no defaults.
  static Json Definition(bool with_default) {
    const Json plain = Json::parse(R"({"type": "object", "properties": {
        "note": {"type": "string"},
        "items": {"type": "array", "items": {"type": "object", "properties": {
            "n": {"type": "integer"}, "text": {"type": "string"}}}}}})");
    Json filled = plain;
    Json& text = filled["properties"]["items"]["items"]["properties"]["text"];
    if (with_default) text["default"] = std::string(1000, 'd');
    const auto version = [](const char* name, bool storage, const Json& schema) -> Json {
      return {{"name", name},
              {"served", true},
              {"storage", storage},
              {"subresources", {{"status", Json::object()}}},
              {"schema", {{"openAPIV3Schema", schema}}}};
    };
    return {{"apiVersion", "apiextensions.k8s.io/v1"},
            {"kind", "CustomResourceDefinition"},
            {"metadata", {{"name", "lamps.example.com"}}},
            {"spec",
             {{"group", "example.com"},
              {"scope", "Namespaced"},
              {"names", {{"plural", "lamps"}, {"kind", "Lamp"}}},
              {"versions", {version("v1", true, filled), version("v2", false, plain)}}}}};
  }
  void Define(bool with_default) {
    ASSERT_EQ(Post(kDefinitions, Definition(with_default).dump()).code, 201);
    Settle();
  }
  void AddDefault() {
    const Json spec = {{"spec", Definition(true)["spec"]}};
    ASSERT_EQ(Merge(kDefinition, spec.dump()).code, 200);
    Settle();
  }
  static Json Lamp(const std::string& name, int items, const std::string& version = "v1") {
    Json lamp = {{"apiVersion", "example.com/" + version},
                 {"kind", "Lamp"},
                 {"metadata", {{"name", name}}},
                 {"items", Json::array()}};
    for (int i = 0; i < items; ++i) lamp["items"].push_back({{"n", i}});
    return lamp;
  }
  // About 1.4 MB; with its defaults a hundred.
  static constexpr int kMany = 100000;

  // All that a watch has to say; large objects are written by the server's loops.
  std::vector<Json> Watched(http::Response& watch) {
    watch.stream->Attach([] {});
    std::vector<Json> events;
    for (int i = 0; i < 4; ++i) {
      for (Json& event : Events(watch)) events.push_back(std::move(event));
      Settle();
    }
    return events;
  }
  size_t Kept() {
    return store_->List({.prefix = StorePrefix("example.com/lamps")})->records.size();
  }
};

TEST_F(LargeDefaults, AreRefusedBeforeAnythingIsKept) {
  Define(true);
  const char* told =
      "Request entity too large: limit is 1572864, with the defaults of its schema";
  const Answer made = Post(kLamps, Lamp("a", kMany).dump());
  EXPECT_EQ(made.code, 413);
  EXPECT_EQ(made.message(), told);
  // By the version that they would be kept in, too.
  const std::string others = "/apis/example.com/v2/namespaces/default/lamps";
  const std::string in_v2 = Lamp("a", kMany, "v2").dump();
  EXPECT_EQ(Post(others, in_v2).message(), told);
  EXPECT_EQ(Post(others + "?dryRun=All", in_v2).code, 413);
  EXPECT_EQ(Kept(), 0u);
  ASSERT_EQ(Post(kLamps, Lamp("a", 3).dump()).code, 201);
  Json larger = Lamp("a", kMany);
  EXPECT_EQ(Ask("PUT", std::string(kLamps) + "/a", larger.dump()).code, 413);
  EXPECT_EQ(Merge(std::string(kLamps) + "/a", Json({{"items", larger["items"]}}).dump()).code, 413);
  EXPECT_EQ(Get(std::string(kLamps) + "/a").body["items"].size(), 3u);
}

TEST_F(LargeDefaults, OfALaterSchemaAreLeftOutOfWhatWasKeptBefore) {
  Define(false);
  const std::string path = std::string(kLamps) + "/a";
  ASSERT_EQ(Post(kLamps, Lamp("a", kMany).dump()).code, 201);
  ASSERT_EQ(Post(kLamps, Lamp("b", 2).dump()).code, 201);
  AddDefault();
  Answer read = Get(path);
  ASSERT_EQ(read.code, 200);
  EXPECT_EQ(read.body["items"][0], Json({{"n", 0}}));
  const Json list = Get(kLamps).body;
  ASSERT_EQ(list["items"].size(), 2u);
  EXPECT_TRUE(list["items"][1]["items"][1].contains("text")) << "others have theirs";
  Answer watch = Get(std::string(kLamps) + "?watch=1");
  const std::vector<Json> events = Watched(watch.response);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["type"], "ADDED");
  EXPECT_EQ(events[0]["object"]["items"].size(), size_t{kMany});
  // It can be changed still, in whatever way.
  const Answer labelled = Merge(path, R"({"metadata": {"labels": {"a": "b"}}})");
  ASSERT_EQ(labelled.code, 200) << labelled.message();
  EXPECT_FALSE(labelled.body["items"][0].contains("text"));
  Json put = labelled.body;
  put["note"] = "by PUT";
  EXPECT_EQ(Ask("PUT", path, put.dump()).code, 200);
  const Answer applied =
      Ask("PATCH", path + "?fieldManager=m",
          R"({"apiVersion": "example.com/v1", "kind": "Lamp", "note": "applied"})",
          "application/apply-patch+yaml", "admin");
  EXPECT_EQ(applied.code, 409) << "somebody else's: " << applied.message();
  EXPECT_EQ(Get("/apis/example.com/v2/namespaces/default/lamps/a").body["note"], "by PUT");
  EXPECT_EQ(Merge("/apis/example.com/v2/namespaces/default/lamps/a", R"({"note": "in v2"})").code,
            200);
  EXPECT_EQ(Post(kLamps, Lamp("c", kMany).dump()).code, 413);
  // Once there is room its defaults come.
  const Answer smaller = Merge(path, R"({"items": [{"n": 1}]})");
  ASSERT_EQ(smaller.code, 200) << smaller.message();
  EXPECT_TRUE(Get(path).body["items"][0].contains("text"));
}

TEST_F(LargeDefaults, HoldUpNoDeletion) {
  Define(false);
  const std::string path = std::string(kLamps) + "/";
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_EQ(Post(kLamps, Lamp(name, kMany).dump()).code, 201);
  }
  AddDefault();
  EXPECT_EQ(Ask("DELETE", path + "a").code, 200);
  ASSERT_EQ(Merge(path + "b", R"({"metadata": {"finalizers": ["example.com/hold"]}})").code, 200);
  EXPECT_EQ(Ask("DELETE", path + "b").code, 200);
  EXPECT_TRUE(Get(path + "b").body["metadata"].contains("deletionTimestamp"));
  ASSERT_EQ(Merge(path + "b", R"({"metadata": {"finalizers": null}})").code, 200);
  EXPECT_EQ(Get(path + "b").code, 404);
  ASSERT_EQ(Merge(path + "c", R"({"metadata": {"labels": {"x": "y"}}})").code, 200);
  EXPECT_EQ(Ask("DELETE", std::string(kLamps) + "?labelSelector=x=y").code, 200);
  EXPECT_EQ(Kept(), 1u);
  ASSERT_EQ(Ask("DELETE", kDefinition).code, 200);
  for (int i = 0; i < 3; ++i) {
    Settle();
    clock_.Advance(2s);
  }
  EXPECT_EQ(Get(kDefinition).code, 404);
  EXPECT_EQ(Kept(), 0u);
}

class UnreadableObjects : public LargeDefaults {
 protected:
  // Keeps an object in a version that the definition then does not have any more.
  void LoseVersion() {
    Define(false);
    ASSERT_EQ(Post(kLamps, Lamp("a", 1).dump()).code, 201);
    Json definition = Definition(false);
    definition["spec"]["versions"][0]["storage"] = false;
    definition["spec"]["versions"][1]["storage"] = true;
    ASSERT_EQ(Merge(kDefinition, Json({{"spec", definition["spec"]}}).dump()).code, 200);
    ASSERT_EQ(Merge(std::string(kDefinition) + "/status",
                    R"({"status": {"storedVersions": ["v2"]}})").code,
              200);
    definition["spec"]["versions"].erase(0);
    const Answer lost = Merge(kDefinition, Json({{"spec", definition["spec"]}}).dump());
    ASSERT_EQ(lost.code, 200) << lost.message();
    Settle();
  }
  static constexpr const char* kOthers = "/apis/example.com/v2/namespaces/default/lamps";
  static constexpr const char* kWhy = "request to convert CR from an invalid group/version: "
                                      "example.com/v1";
};

TEST_F(UnreadableObjects, AreErrorsOfAWatchWhichEndsItself) {
  LoseVersion();
  EXPECT_EQ(Get(kOthers).message(), kWhy);
  const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  for (const std::string& accept : {std::string("application/json"), table}) {
    Answer watch = Ask({.path = std::string(kOthers) + "?watch=1", .accept = accept});
    ASSERT_EQ(watch.code, 200);
    const std::vector<Json> events = Watched(watch.response);
    std::vector<http::SharedBytes> out;
    EXPECT_EQ(watch.response.stream->Pull(1 << 20, out), http::Pulled::kEnd);
    ASSERT_EQ(events.size(), 1u);
    const Json& event = events[0];
    EXPECT_EQ(event["type"], "ERROR");
    EXPECT_EQ(event["object"]["kind"], "Status");
    EXPECT_EQ(event["object"]["reason"], "InternalError");
    EXPECT_EQ(event["object"]["message"], std::string("Internal error occurred: ") + kWhy);
  }
}

TEST_F(UnreadableObjects, HoldUpTheirDefinitionWhichSaysWhy) {
  LoseVersion();
  ASSERT_EQ(Ask("DELETE", kDefinition).code, 200);
  for (int i = 0; i < 3; ++i) {
    Settle();
    clock_.Advance(2s);
  }
  const Json conditions = Get(kDefinition).body["status"]["conditions"];
  ASSERT_TRUE(conditions.is_array());
  EXPECT_EQ(conditions.back()["type"], "Terminating");
  EXPECT_EQ(conditions.back()["reason"], "InstanceDeletionFailed");
  EXPECT_EQ(conditions.back()["message"], std::string("could not list instances: ") + kWhy);
  EXPECT_EQ(Kept(), 1u);
}

}  // namespace
}  // namespace skiff
