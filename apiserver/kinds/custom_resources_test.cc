// CustomResourceDefinitions and what they make, over the real server.
#include <ctime>

#include "apiserver/kinds/custom_resources_fixture.h"
#include "apiserver/storage/keys.h"

namespace skiff {
namespace {

TEST_F(CustomResources, ADefinitionIsEstablishedAndItsKindServed) {
  Define(Definition(Schema()));
  const Json definition = Get(definitions_ + "/crons.example.com").body;
  ASSERT_EQ(definition["status"]["conditions"].size(), 2u);
  EXPECT_EQ(definition["status"]["conditions"][1]["reason"], "InitialNamesAccepted");
  EXPECT_EQ(definition["status"]["acceptedNames"]["listKind"], "CronList");
  const Answer created = Post(path_, Cron("a", {{"image", "web"}, {"unknown", 1}}));
  ASSERT_EQ(created.code, 201) << created.message();
  EXPECT_EQ(created.body["spec"], Json::parse(R"({"image": "web", "replicas": 1})"));
  EXPECT_EQ(created.response.headers.find("Warning")->second,
            R"(299 - "unknown field \"spec.unknown\"")");
  EXPECT_EQ(Get("/apis/example.com/v1").body["resources"].size(), 3u);
  EXPECT_EQ(Get("/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com").code, 200);
}

TEST_F(CustomResources, TheApiServiceOfAVersionIsPutBackUnlessSomebodyTookIt) {
  Define(Definition(Schema()));
  const std::string service = "/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com";
  const auto change = [&](const std::string& patch) {
    EXPECT_EQ(Merge(service, patch).code, 200);
    Settle();
    return Get(service).body["spec"]["groupPriorityMinimum"];
  };
  EXPECT_EQ(change(R"({"spec": {"groupPriorityMinimum": 17}})"), 1000);
  ASSERT_EQ(Ask("DELETE", service).code, 200);
  Settle();
  EXPECT_EQ(Get(service).code, 200);
  EXPECT_EQ(change(R"({"metadata": {"labels": {"kube-aggregator.kubernetes.io/automanaged": null}},
                       "spec": {"groupPriorityMinimum": 17}})"),
            17);
}

TEST_F(CustomResources, WhatTheSchemaRefusesIsRefusedInKubernetesWords) {
  Define(Definition(Schema()));
  const Answer bad = Post(path_, Cron("a", {{"image", "WEB"}, {"replicas", "x"}}));
  EXPECT_EQ(bad.code, 422);
  EXPECT_EQ(bad.message(),
            "Cron.example.com \"a\" is invalid: [spec.image: Invalid value: \"WEB\": spec.image in "
            "body should match '^[a-z]+$', spec.replicas: Invalid value: \"string\": spec.replicas "
            "in body must be of type integer: \"string\", .spec.replicas: Invalid value: 0: "
            ".spec.replicas accessor error: x is of the type string, expected int64]");
  EXPECT_EQ(Post(path_, Cron("a", Json::object())).message(),
            "Cron.example.com \"a\" is invalid: spec.image: Required value");
}

TEST_F(CustomResources, WhatSaysNothingOfItsVersionIsRefusedInKubernetesWords) {
  Define(Definition(Schema()));
  const auto refused = [&](const Json& version) {
    Json cron = {{"kind", "Cron"}, {"metadata", {{"name", "a"}}}, {"spec", {{"image", "web"}}}};
    if (version != "none") cron["apiVersion"] = version;
    const Answer answer = Post(path_, cron.dump());
    EXPECT_EQ(answer.code, 400);
    return answer.message();
  };
  const std::string unlike = ") does not match the expected API version (example.com/v1)";
  for (const char* none : {"none", "", "/"}) {
    EXPECT_EQ(refused(none), "the API version in the data (" + unlike) << none;
  }
  EXPECT_EQ(refused("/v1"), "the API version in the data (v1" + unlike);
  EXPECT_EQ(
      refused(nullptr),
      "Cron in version \"\" cannot be handled as a Cron: .apiVersion accessor error: <nil> is "
      "of the type <nil>, expected string");
  EXPECT_TRUE(
      refused("a/b/c").starts_with("the object provided is unrecognized (must be of type "
                                   "Cron): unexpected GroupVersion string: a/b/c ("));
}

TEST_F(CustomResources, OneOfAllThatAreToHoldIsNoneOfThem) {
  Json schema = Schema();
  schema["properties"]["spec"]["allOf"] =
      Json::parse(R"([{"properties": {"replicas": {"maximum": 5}}}])");
  Define(Definition(schema));
  const Answer refused = Post(path_, Cron("a", {{"image", "web"}, {"replicas", 6}}));
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.message(),
            "Cron.example.com \"a\" is invalid: [spec.replicas: Invalid value: 6: spec.replicas in "
            "body should be less than or equal to 5, <nil>: Invalid value: \"\": \"spec\" must "
            "validate all the schemas (allOf). None validated]");
}

TEST_F(CustomResources, ANullIsNoneOfTheValuesThatAreListed) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["mode"] = {
      {"type", "string"}, {"nullable", true}, {"enum", {"a", nullptr}}};
  Define(Definition(schema));
  EXPECT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"mode", nullptr}})).message(),
            "Cron.example.com \"a\" is invalid: spec.mode: Unsupported value: null: supported "
            "values: \"a\", \"null\"");
}

TEST_F(CustomResources, AWholeNumberIsHeldAgainstWholeLimits) {
  Json schema = Schema();
  Json& fields = schema["properties"]["spec"]["properties"];
  fields["most"] = {{"type", "number"}, {"maximum", 1.5}, {"exclusiveMaximum", true}};
  fields["least"] = {{"type", "integer"}, {"minimum", 1.5}};
  fields["times"] = {{"type", "integer"}, {"multipleOf", 0.5}};
  fields["even"] = {{"type", "integer"}, {"multipleOf", 2}};
  fields["int32"] = {{"type", "integer"}, {"maximum", 2147483647}};
  Define(Definition(schema));
  const auto causes = [&](const char* field, const Json& value) {
    const Json spec = {{"image", "web"}, {field, value}};
    return Post(path_ + "?dryRun=All", Cron("a", spec)).message();
  };
  const std::string begin = "Cron.example.com \"a\" is invalid: spec.";
  EXPECT_EQ(causes("most", 1),
            begin + "most: Invalid value: 1: spec.most in body should be less than 1");
  EXPECT_EQ(causes("most", 1.25), "");
  EXPECT_EQ(causes("least", 1), "");
  EXPECT_EQ(causes("times", 2), begin +
                                    "times: Invalid value: 0: factor MultipleOf declared for "
                                    "spec.times must be positive: 0");
  EXPECT_EQ(causes("even", 2000000001), begin + "even: Invalid value: 2000000001: spec.even in "
                                                "body should be a multiple of 2");
  EXPECT_EQ(causes("int32", 2147483648), begin + "int32: Invalid value: 2147483648: spec.int32 in "
                                                 "body should be less than or equal to 2147483647");
}

TEST_F(CustomResources, ManyFinalizersAreLookedAtInNoTime) {
  Define(Definition(Schema()));
  Json cron = Json::parse(Cron("a", {{"image", "web"}}));
  Json& finalizers = cron["metadata"]["finalizers"] = Json::array();
  for (int i = 0; i < 120'000; ++i) finalizers.push_back("f" + std::to_string(i));
  ASSERT_EQ(Post(path_, cron.dump()).code, 201);
  const std::clock_t begin = std::clock();
  const Answer patched = Merge(path_ + "/a?dryRun=All", R"({"spec": {"image": "other"}})");
  EXPECT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.response.headers.count("Warning"), 0u) << "they were there";
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
}

TEST_F(CustomResources, StatusScaleAndColumnsFollowTheDefinition) {
  Define(Definition(Schema()));
  Post(path_, Cron("a", {{"image", "web"}}));
  const Answer status = Ask("PATCH", path_ + "/a/status",
                            R"({"spec": {"image": "no"}, "status": {"replicas": 3}})",
                            "application/merge-patch+json");
  ASSERT_EQ(status.code, 200) << status.message();
  EXPECT_EQ(status.body["spec"]["image"], "web");
  EXPECT_EQ(status.body["metadata"]["generation"], 1);
  EXPECT_EQ(Get(path_ + "/a/scale").body["status"]["replicas"], 3);
  EXPECT_EQ(Merge(path_ + "/a/scale", R"({"spec": {"replicas": 5}})").body["spec"]["replicas"], 5);
  EXPECT_EQ(Get(path_ + "/a").body["metadata"]["generation"], 2);
  const Answer table =
      Ask({.path = path_, .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  EXPECT_EQ(table.body["rows"][0]["cells"], Json::parse(R"(["a", 5])"));
}

// However short the object is: its columns may look at it a million times.
TEST_F(CustomResources, RowsOfAWatchAreMadeAside) {
  Define(Definition(Schema()));
  const Json made = Post(path_, Cron("a", {{"image", "web"}})).body;
  Answer watch = Ask({.path = path_ + "?watch=1&resourceVersion=" +
                              made["metadata"]["resourceVersion"].get<std::string>(),
                      .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  bool woken = false;
  watch.response.stream->Attach([&] { woken = true; });
  ASSERT_EQ(Merge(path_ + "/a", R"({"spec": {"replicas": 5}})").code, 200);
  EXPECT_EQ(Streamed(watch.response), "") << "a loop of connections made the row";
  woken = false;
  Settle();
  EXPECT_TRUE(woken);
  const std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["object"]["rows"][0]["cells"], Json::parse(R"(["a", 5])"));
}

TEST_F(CustomResources, WhatIsDeletedIsSentWithTheRevisionOfItsDeletion) {
  Define(Definition(Schema()));
  const Json made = Post(path_, Cron("a", {{"image", "web"}})).body;
  Answer watch = Get(path_ + "?watch=1&resourceVersion=" +
                     made["metadata"]["resourceVersion"].get<std::string>());
  watch.response.stream->Attach([] {});
  ASSERT_EQ(Ask("DELETE", path_ + "/a").code, 200);
  const std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["type"], "DELETED");
  EXPECT_NE(events[0]["object"]["metadata"]["resourceVersion"],
            made["metadata"]["resourceVersion"]);
}

TEST_F(CustomResources, MetadataIsDescribedInOpenApi) {
  Define(Definition(Schema()));
  const Json schemas =
      Get("/openapi/v3/apis/example.com/v1").body["components"]["schemas"];
  EXPECT_TRUE(schemas["com.example.v1.Cron"]["properties"]["metadata"]["description"]
                  .get<std::string>()
                  .starts_with("Standard object's metadata."));
  EXPECT_TRUE(schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"]
                     ["creationTimestamp"]["description"]
                         .get<std::string>()
                         .starts_with("CreationTimestamp is a timestamp"));
}

TEST_F(CustomResources, WhatIsWrittenAgainMovesToTheStoredVersion) {
  Json definition = Definition(Schema());
  Json next = definition["spec"]["versions"][0];
  next["name"] = "v2";
  next["storage"] = false;
  definition["spec"]["versions"].push_back(next);
  Define(definition);
  const Json made = Post(path_, Cron("a", {{"image", "web"}})).body;
  definition["spec"]["versions"][0]["storage"] = false;
  definition["spec"]["versions"][1]["storage"] = true;
  ASSERT_EQ(Merge(definitions_ + "/crons.example.com",
                  Json{{"spec", definition["spec"]}}.dump()).code,
            200);
  Settle();
  const Answer moved = Ask("PUT", path_ + "/a", made.dump());
  ASSERT_EQ(moved.code, 200) << moved.message();
  EXPECT_NE(moved.body["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
  const Answer again = Ask("PUT", path_ + "/a", moved.body.dump());
  EXPECT_EQ(again.body["metadata"]["resourceVersion"], moved.body["metadata"]["resourceVersion"]);
}

TEST_F(CustomResources, WhatWasKeptByTheSchemaOfNowIsSentAsItLies) {
  Define(Definition(Schema()));
  const Answer made = Post(path_, Cron("a", {{"image", "web"}, {"replicas", 2}}));
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Get(path_ + "/a").body, made.body);
  // Of what lies there something is made that reading by the schema would have changed back.
  const std::string key = StoreKey("example.com/crons", "default", "a");
  const auto record = store_->Get(key);
  ASSERT_TRUE(record) << record.error().message;
  std::string value = (*record)->value;
  const std::string revision = std::to_string((*record)->modified.value);
  const size_t revision_at = value.find("\"resourceVersion\":\"") + 19;
  ASSERT_EQ(value.substr(revision_at, revision.size()), revision);
  value.erase(revision_at, revision.size());
  value.replace(value.find("\"replicas\":2"), 12, "\"replicaz\":2");
  ASSERT_TRUE(store_->Apply({.key = key, .value = value, .revision_at = revision_at}));
  EXPECT_EQ(Get(path_ + "/a").body["spec"], Json::parse(R"({"image": "web", "replicaz": 2})"));
  EXPECT_EQ(Get(path_).body["items"][0]["spec"]["replicaz"], 2);
  // By another schema it is read.
  const Json patch = {
      {"op", "add"},
      {"path", "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/mode"},
      {"value", {{"type", "string"}, {"default", "plain"}}}};
  ASSERT_EQ(Ask("PATCH", definitions_ + "/crons.example.com", Json::array({patch}).dump(),
                "application/json-patch+json")
                .code,
            200);
  Settle();
  const Json spec = Json::parse(R"({"image": "web", "mode": "plain", "replicas": 1})");
  EXPECT_EQ(Get(path_ + "/a").body["spec"], spec);
  EXPECT_EQ(Get(path_).body["items"][0]["spec"], spec);
}

TEST_F(CustomResources, VersionsShowOneObjectEach) {
  Json definition = Definition(Schema());
  Json beta = definition["spec"]["versions"][0];
  beta["name"] = "v1beta1";
  beta["storage"] = false;
  beta["deprecated"] = true;
  definition["spec"]["versions"].push_back(beta);
  Define(definition);
  Post(path_, Cron("a", {{"image", "web"}}));
  const Answer old = Get("/apis/example.com/v1beta1/namespaces/default/crons/a");
  EXPECT_EQ(old.body["apiVersion"], "example.com/v1beta1");
  const std::string warning =
      R"(299 - "example.com/v1beta1 Cron is deprecated; use example.com/v1 Cron")";
  EXPECT_EQ(old.response.headers.find("Warning")->second, warning);
  // Whoever asks for such a version is told so, even of a subresource or a verb that it has not.
  const std::string path = "/apis/example.com/v1beta1/namespaces/default/crons/a";
  for (const auto& [method, place, code] :
       {std::tuple("GET", "/nothing", 404), std::tuple("DELETE", "/status", 405),
        std::tuple("POST", "/scale", 405), std::tuple("GET", "b", 404)}) {
    const Answer refused = Ask(method, path + place, "");
    EXPECT_EQ(refused.code, code) << place;
    ASSERT_EQ(refused.response.headers.count("Warning"), 1u) << place;
    EXPECT_EQ(refused.response.headers.find("Warning")->second, warning) << place;
  }
}

TEST_F(CustomResources, NamesThatAreTakenAreNotAccepted) {
  Define(Definition(Schema()));
  Json other = Definition(Schema());
  other["metadata"]["name"] = "others.example.com";
  other["spec"]["names"] = {{"plural", "others"}, {"kind", "Other"}, {"shortNames", {"cr"}}};
  Define(other);
  const Json conditions = Get(definitions_ + "/others.example.com").body["status"]["conditions"];
  EXPECT_EQ(conditions[0]["reason"], "ShortNamesConflict");
  EXPECT_EQ(conditions[0]["message"], "\"cr\" is already in use");
  EXPECT_EQ(conditions[1]["status"], "False");
  EXPECT_EQ(Get("/apis/example.com/v1/others").code, 404);
}

TEST_F(CustomResources, OpenApiTellsOfTheSchema) {
  Define(Definition(Schema()));
  const Json document = Get("/openapi/v3/apis/example.com/v1").body;
  const Json& cron = document["components"]["schemas"]["com.example.v1.Cron"];
  EXPECT_EQ(cron["properties"]["spec"]["properties"]["replicas"]["default"], 1);
  EXPECT_EQ(cron["x-kubernetes-group-version-kind"][0]["kind"], "Cron");
  const Json old = Get("/openapi/v2").body["definitions"]["com.example.v1.Cron"];
  EXPECT_FALSE(old["properties"]["spec"]["properties"]["replicas"].contains("default"));
}

// Else a client that checks by OpenAPI v2 refuses what may be there.
TEST_F(CustomResources, OpenApiV2SaysNothingOfWhatKeepsUnknownFields) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["any"] = Json::parse(R"({"type": "object",
      "x-kubernetes-preserve-unknown-fields": true, "required": ["a"],
      "properties": {"a": {"type": "string"}}})");
  schema["properties"]["spec"]["properties"]["pod"] = Json::parse(R"({"type": "object",
      "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-embedded-resource": true})");
  Define(Definition(schema));
  const Json old = Get("/openapi/v2").body["definitions"]["com.example.v1.Cron"];
  const Json& properties = old["properties"]["spec"]["properties"];
  EXPECT_EQ(properties["any"], Json::parse(R"({"x-kubernetes-preserve-unknown-fields": true,
      "required": ["a"]})"));
  EXPECT_EQ(properties["pod"], Json::parse(R"({"x-kubernetes-preserve-unknown-fields": true,
      "x-kubernetes-embedded-resource": true})"));
}

TEST_F(CustomResources, ASchemaThatIsNotStructuralIsRefused) {
  const Answer bad = Post(definitions_, Definition(Json::parse(
      R"({"type": "object", "properties": {"a": {}, "b": {"type": "array"}}})")).dump());
  EXPECT_EQ(bad.code, 422);
  EXPECT_NE(bad.message().find("properties[a].type: Required value: must not be empty for "
                               "specified object fields"),
            std::string::npos)
      << bad.message();
}

TEST_F(CustomResources, ADefinitionOfAResourceThatIsThereWithoutOneIsRefused) {
  Json definition = Definition(Schema());
  definition["metadata"] = {
      {"name", "customresourcedefinitions.apiextensions.k8s.io"},
      {"annotations", {{"api-approved.kubernetes.io", "unapproved, for this test"}}}};
  definition["spec"]["group"] = "apiextensions.k8s.io";
  definition["spec"]["names"] = {{"plural", "customresourcedefinitions"}, {"kind", "Other"}};
  definition["spec"]["versions"][0]["name"] = "v2";
  const Answer refused = Post(definitions_, definition.dump());
  EXPECT_EQ(refused.code, 422);
  EXPECT_NE(refused.message().find("has without a definition"), std::string::npos);
}

TEST_F(CustomResources, AScaleThatLeadsThroughNoObjectsChangesNothing) {
  Json definition = Definition(Json::parse(
      R"({"type": "object", "x-kubernetes-preserve-unknown-fields": true})"));
  Json& version = definition["spec"]["versions"][0];
  version.erase("selectableFields");
  const Json subresources = version["subresources"];
  version.erase("subresources");
  Define(definition);
  ASSERT_EQ(Post(path_, Cron("c", Json::array())).code, 201);
  version["subresources"] = subresources;
  version["subresources"]["scale"]["specReplicasPath"] = ".spec.100000000";
  const Json scalable = {{"spec", definition["spec"]}};
  ASSERT_EQ(Merge(definitions_ + "/crons.example.com", scalable.dump()).code, 200);
  // No such object could be made by now.
  EXPECT_EQ(Post(path_, Cron("d", Json::array())).code, 422);
  const Answer scaled = Ask("PUT", path_ + "/c/scale", R"({"kind": "Scale", "apiVersion": "autoscaling/v1",
      "metadata": {"name": "c", "namespace": "default"}, "spec": {"replicas": 3}})");
  EXPECT_GE(scaled.code, 400);
  EXPECT_EQ(Get(path_ + "/c").body["spec"], Json::array());
}

// The texts of all places would be 20 GB.
TEST_F(CustomResources, ALongNameAboveManyItemsCostsTheirSum) {
  Json definition = Definition(Json::parse(R"({"type": "object", "properties": {"m": {
      "type": "object",
      "additionalProperties": {"type": "array", "items": {"type": "integer"}}}}})"));
  definition["spec"]["versions"][0].erase("selectableFields");
  Define(definition);
  Json object = Json::parse(Cron("c", Json::object()));
  object.erase("spec");
  object["m"][std::string(200'000, 'k')] = Json::array_t(100'000, 1);
  const std::clock_t before = std::clock();
  const Answer created = Post(path_, object.dump());
  EXPECT_EQ(created.code, 201) << created.message().substr(0, 1000);
  EXPECT_EQ(Get(path_ + "/c").code, 200);
  EXPECT_LT(std::clock() - before, 2 * CLOCKS_PER_SEC);
}

TEST_F(CustomResources, RulesAreCompiledAndObjectsHeldAgainstThem) {
  Json schema = Schema();
  Json& spec = schema["properties"]["spec"];
  spec["x-kubernetes-validations"] = {{{"rule", "self.replicas <= 5"}, {"message", "too many"}}};
  spec["properties"]["image"]["x-kubernetes-validations"] = {
      {{"rule", "self == oldSelf"}, {"message", "image stays"}}};
  Json unknown = schema;
  unknown["properties"]["spec"]["x-kubernetes-validations"][0]["rule"] = "self.z > 1";
  EXPECT_NE(Post(definitions_, Definition(unknown).dump()).message().find("undefined field 'z'"),
            std::string::npos);
  Define(Definition(schema));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  EXPECT_EQ(Merge(path_ + "/a", R"({"spec": {"image": "other"}})").message(),
            "Cron.example.com \"a\" is invalid: spec.image: Invalid value: \"other\": image stays");
  EXPECT_EQ(Merge(path_ + "/a", R"({"spec": {"replicas": 6}})").message(),
            "Cron.example.com \"a\" is invalid: spec: Invalid value: too many");
  const Answer ill_typed = Post(path_, Cron("b", {{"image", "web"}, {"replicas", "x"}}));
  EXPECT_EQ(ill_typed.message().find("too many"), std::string::npos);
  // A rule that comes later only warns of what it finds, as long as nobody changes it.
  Json stricter = Definition(schema);
  stricter["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
          ["x-kubernetes-validations"][0]["rule"] = "self.replicas > 1";
  const Json next = {{"spec", stricter["spec"]}};
  ASSERT_EQ(Merge(definitions_ + "/crons.example.com", next.dump()).code, 200);
  const Answer warned = Merge(path_ + "/a", R"({"metadata": {"labels": {"x": "y"}}})");
  EXPECT_EQ(warned.code, 200) << warned.message();
  EXPECT_EQ(warned.response.headers.find("Warning")->second,
            "299 - \"spec: Invalid value: too many\"");
}

TEST_F(CustomResources, ToRulesANumberWithAPointIsNoInteger) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["n"] = {{"type", "integer"}};
  schema["properties"]["spec"]["x-kubernetes-validations"] = {{{"rule", "self.n >= 0"}}};
  Define(Definition(schema));
  const std::string body =
      R"({"apiVersion": "example.com/v1", "kind": "Cron", "metadata": {"name": "a"},
          "spec": {"image": "web", "n": 2.0}})";
  EXPECT_EQ(Post(path_, body).message(),
            "Cron.example.com \"a\" is invalid: spec: Invalid value: \"object\": invalid data, "
            "expected int, got float64 evaluating rule: self.n >= 0");
  // Of YAML JSON is made first, and there it has none.
  const Answer made = Ask("POST", path_, body, "application/yaml");
  EXPECT_EQ(made.code, 201) << made.message();
}

TEST_F(CustomResources, AreJsonOrYaml) {
  Define(Definition(Schema()));
  const Answer refused =
      Ask("POST", path_, Cron("a", {{"image", "web"}}), "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(refused.code, 415);
  EXPECT_EQ(refused.message(),
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf");
  EXPECT_EQ(Ask({.path = path_, .accept = "text/html"}).message(),
            "only the following media types are accepted: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf");
}

TEST_F(CustomResources, AWebhookThatSaysNothingIsNotKept) {
  Json definition = Definition(Schema());
  definition["spec"]["conversion"] = {{"strategy", "None"}, {"webhook", Json::object()}};
  Define(definition);
  EXPECT_EQ(Get(definitions_ + "/crons.example.com").body["spec"]["conversion"],
            Json({{"strategy", "None"}}));
}

}  // namespace
}  // namespace skiff
