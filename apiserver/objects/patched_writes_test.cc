// Writes that kube-apiserver v1.35.6 was asked beside this server, and answered otherwise.
#include <gmock/gmock.h>

#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class PatchedWrites : public CustomResources {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  Answer Strategic(const std::string& path, const std::string& patch) {
    return Ask("PATCH", path, patch, "application/strategic-merge-patch+json");
  }
};

TEST_F(PatchedWrites, AVersionThatAPatchTakesAwayIsMissed) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const std::string drop = R"({"metadata": {"resourceVersion": null}})";
  const Answer custom = Merge(path_ + "/a", drop);
  EXPECT_EQ(custom.code, 422);
  EXPECT_EQ(custom.message(),
            "crons.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must "
            "be specified for an update");
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}})").code, 201);
  EXPECT_EQ(Merge(std::string(kMaps) + "/m", drop).code, 200) << "such a kind needs none";
}

// What is beyond 2^53 is compared as Go compares it: whole numbers with whole ones, exactly, and
// limits that fit into none with the least; a float64 beyond it passes for no integer.
TEST_F(PatchedWrites, LargeNumbersAreHeldAsGoHoldsThem) {
  Json schema = Schema();
  Json& fields = schema["properties"]["spec"]["properties"];
  fields["most"] = {{"type", "integer"}, {"maximum", 9007199254740992}};
  fields["times"] = {{"type", "integer"}, {"multipleOf", 2}};
  fields["nearly"] = {{"type", "integer"}, {"minimum", 9223372036854775807}};
  fields["never"] = {{"type", "number"}, {"maximum", 1e19}};
  fields["listed"] = {{"type", "number"}, {"enum", {1, 2}}};
  Define(Definition(schema));
  const auto causes = [&](const char* field, const char* number) {
    const Json spec = {{"image", "web"}, {field, Json::parse(number)}};
    return Post(path_ + "?dryRun=All", Cron("a", spec)).message();
  };
  const std::string begin = "Cron.example.com \"a\" is invalid: spec.";
  EXPECT_EQ(causes("most", "9007199254740993"),
            begin + "most: Invalid value: 9007199254740993: spec.most in body should be less than "
                    "or equal to 9007199254740992");
  EXPECT_EQ(causes("most", "9007199254740992"), "");
  EXPECT_EQ(causes("times", "9007199254740993"),
            begin + "times: Invalid value: 9007199254740993: spec.times in body should be a "
                    "multiple of 2");
  EXPECT_EQ(causes("times", "2.0"), "");
  EXPECT_EQ(causes("times", "1e18"),
            "Cron.example.com \"a\" is invalid: [spec.times: Invalid value: \"number\": spec.times "
            "in body must be of type integer: \"number\", spec.times: Invalid value: 1e+18: "
            "spec.times in body should be a multiple of 2]");
  EXPECT_EQ(causes("never", "5"), begin + "never: Invalid value: 5: spec.never in body should be "
                                          "less than or equal to -9223372036854775808");
  EXPECT_EQ(causes("never", "5.5"), "");
  EXPECT_EQ(causes("listed", "1.5"), "") << "Go makes a 1 of it where it compares";
  EXPECT_NE(causes("listed", "3.5"), "");
}

TEST_F(PatchedWrites, AScaleThatAnApplyLeavesAsItIsIsNeverConverted) {
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"replicas", 2}})).code, 201);
  const Answer nothing = Ask("PATCH", path_ + "/a/scale?fieldManager=m", R"({"apiVersion":
      "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}})",
                             "application/apply-patch+yaml");
  EXPECT_EQ(nothing.code, 200) << nothing.message();
  EXPECT_EQ(nothing.body["spec"]["replicas"], 2);
}

// In a dry run of a create it is shown as it was sent.
TEST_F(PatchedWrites, AVersionThatIsNoNumberStaysAText) {
  const Answer made = Post(std::string(kMaps) + "?dryRun=All", R"({"metadata": {"name": "a",
      "resourceVersion": "\",\"x\":\"\u0000"}})");
  ASSERT_EQ(made.code, 201);
  const std::string sent("\",\"x\":\"\0", 8);
  EXPECT_EQ(made.body["metadata"]["resourceVersion"], sent) << made.response.body;
  EXPECT_FALSE(made.body["metadata"].contains("x"));
}

// Which lists were sent as [] is known while the object is looked at.
TEST_F(PatchedWrites, VersionsThatWereNotSentAreNotEmpty) {
  const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const std::string begin = R"({"metadata": {"name": "lamps.example.com"}, "spec": {"group":
      "example.com", "scope": "Cluster", "names": {"plural": "lamps", "kind": "Lamp"})";
  const auto refusal = [&](const std::string& end) {
    return Post(definitions, begin + end).message();
  };
  EXPECT_THAT(refusal("}}"), HasSubstr("spec.versions: Invalid value: null: must have exactly"));
  EXPECT_THAT(refusal(R"(, "versions": null}})"), HasSubstr("spec.versions: Invalid value: null:"));
  EXPECT_THAT(refusal(R"(, "versions": []}})"), HasSubstr("spec.versions: Invalid value: []: "));
}

// Features that are off add nothing to a status.
TEST_F(PatchedWrites, ThePodsStatusHasNothingOfWhatIsOff) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  ASSERT_EQ(Post(pods, R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c",
                "image": "i"}]}})")
                .code,
            201);
  const Answer patched = Merge(pods + "/p/status", R"({"status": {"message": "m",
      "allocatedResources": {"cpu": "1"}, "resources": {"requests": {"cpu": "1"}},
      "extendedResourceClaimStatus": {"resourceClaimName": "x", "requestMappings":
          [{"containerName": "c", "requestName": "r", "resourceName": "example.com/gpu"}]}}})");
  ASSERT_EQ(patched.code, 200) << patched.message();
  const Json& status = patched.body["status"];
  EXPECT_EQ(status["message"], "m");
  for (const char* off : {"allocatedResources", "resources", "extendedResourceClaimStatus"}) {
    EXPECT_FALSE(status.contains(off)) << off;
  }
}

// Amounts are equal however they are spelled, and however far they are above the greatest.
TEST_F(PatchedWrites, AStatusLeavesThePodsAmountsAsTheyWereSpelled) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  const auto pod = [](const std::string& memory, const std::string& cpu, const std::string& disk) {
    return R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i",
        "resources": {"limits": {"memory": ")" +
           memory + R"(", "cpu": ")" + cpu + R"(", "ephemeral-storage": ")" + disk + R"("}}}]}})";
  };
  ASSERT_EQ(Post(pods, pod("1Gi", "1", "1e30")).code, 201);
  const std::string before = Get(pods + "/p").body["spec"].dump();
  const Answer patched = Strategic(pods + "/p/status", pod("1073741824", "1e0", "9e30"));
  ASSERT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.body["spec"].dump(), before);
  EXPECT_EQ(Get(pods + "/p").body["spec"].dump(), before);
}

TEST_F(PatchedWrites, APatchedScaleStaysWhereItIs) {
  const std::string sets = "/apis/apps/v1/namespaces/default/replicasets";
  ASSERT_EQ(Post(sets, R"({"metadata": {"name": "rs"}, "spec": {"selector": {"matchLabels":
                {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers":
                [{"name": "c", "image": "i"}]}}}})")
                .code,
            201);
  const Answer named = Merge(sets + "/rs/scale", R"({"metadata": {"name": "other"}})");
  EXPECT_EQ(named.code, 400);
  EXPECT_EQ(named.message(),
            "the name of the object (other) does not match the name on the URL (rs)");
  const Answer placed = Merge(sets + "/rs/scale", R"({"metadata": {"namespace": "other"}})");
  EXPECT_EQ(placed.code, 400);
  EXPECT_EQ(
      placed.message(),
      "the namespace of the provided object does not match the namespace sent on the request");
}

TEST_F(PatchedWrites, ADryNewObjectHearsThatTheOldOneIsGoing) {
  const std::string held = R"({"metadata": {"name": "h", "finalizers": ["example.com/x"]}})";
  ASSERT_EQ(Post(kMaps, held).code, 201);
  ASSERT_EQ(Ask("DELETE", std::string(kMaps) + "/h").code, 200);
  EXPECT_EQ(Post(std::string(kMaps) + "?dryRun=All", held).message(),
            "object is being deleted: configmaps \"h\" already exists");
  EXPECT_EQ(Post(std::string(kMaps) + "?dryRun=All",
                 R"({"metadata": {"name": "h", "generateName": "h-"}})")
                .message(),
            "object is being deleted: configmaps \"h\" already exists, the server was not able to "
            "generate a unique name for the object");
}

// Only whoever stores an update drops it.
TEST_F(PatchedWrites, WhereAnObjectWasFoundIsShownByADryUpdateAndNeverKept) {
  const std::string path = std::string(kMaps) + "/m";
  const std::string link = R"({"metadata": {"selfLink": "/x"}})";
  const Answer made = Post(kMaps, R"({"metadata": {"name": "m", "selfLink": "/x"}})");
  ASSERT_EQ(made.code, 201);
  const Answer dry = Merge(path + "?dryRun=All", link);
  ASSERT_EQ(dry.code, 200) << dry.message();
  EXPECT_EQ(dry.body["metadata"].value("selfLink", ""), "/x");
  const Answer patched = Merge(path, link);
  ASSERT_EQ(patched.code, 200) << patched.message();
  const Json& metadata = patched.body["metadata"];
  EXPECT_FALSE(metadata.contains("selfLink"));
  EXPECT_EQ(metadata["resourceVersion"], made.body["metadata"]["resourceVersion"]);
  EXPECT_FALSE(Get(path).body["metadata"].contains("selfLink"));
}

TEST_F(PatchedWrites, WhatIsGoneIsNotMadeAnewByWhoHasReadIt) {
  const std::string lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
  const Answer made = Ask("PUT", lease, R"({"metadata": {"name": "l"}})");
  ASSERT_EQ(made.code, 201) << made.message();
  ASSERT_EQ(Ask("DELETE", lease).code, 200);
  Json read = made.body;
  const std::string uid = read["metadata"]["uid"];
  for (const char* query : {"?dryRun=All", ""}) {
    const Answer gone = Ask("PUT", lease + query, read.dump());
    EXPECT_EQ(gone.code, 409) << query;
    EXPECT_THAT(gone.message(), testing::EndsWith("Precondition failed: UID in precondition: " +
                                                  uid + ", UID in object meta: "));
  }
  EXPECT_EQ(Get(lease).code, 404);
  read["metadata"].erase("uid");
  EXPECT_EQ(Ask("PUT", lease, read.dump()).code, 201) << "of whichever there is";
}

TEST_F(PatchedWrites, AStrategicPatchOfNothingChangesNothing) {
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}})").code, 201);
  const std::string path = std::string(kMaps) + "/m";
  EXPECT_EQ(Strategic(path, " null\n").code, 200);
  EXPECT_EQ(Merge(path, "null").code, 400);
}

TEST_F(PatchedWrites, ThePatchesTypeIsAsItIsWritten) {
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}})").code, 201);
  const std::string path = std::string(kMaps) + "/m";
  EXPECT_EQ(Ask("PATCH", path, "{}", "application/MERGE-patch+json").code, 415);
  EXPECT_EQ(Ask("PATCH", path, "{}", "application/merge-patch+json; charset=utf-8").code, 200);
}

TEST_F(PatchedWrites, OfAnApplyItIsToldFirstThatItIsOfAnotherKind) {
  const Answer other = Ask("PATCH", std::string(kMaps) + "/m?fieldManager=f",
                           R"({"data": {}, "data": {}})", "application/apply-patch+yaml");
  EXPECT_EQ(other.code, 400);
  EXPECT_EQ(other.response.headers.count("Warning"), 0u);
}

TEST_F(PatchedWrites, ATableOfWhatWasNotKeptHasNoVersion) {
  const Answer dry = Ask({.method = "POST",
                          .path = std::string(kMaps) + "?dryRun=All",
                          .body = R"({"metadata": {"name": "m"}})",
                          .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  EXPECT_EQ(dry.code, 201);
  EXPECT_EQ(dry.body["metadata"], Json::object());
}

TEST_F(PatchedWrites, TheOldWayToWatchLeadsToNoSubresource) {
  Define(Definition(Schema()));
  const std::string path = "/apis/example.com/v1/watch/namespaces/default/crons/a";
  const Answer status = Get(path + "/status");
  EXPECT_EQ(status.code, 405);
  EXPECT_EQ(status.message(), "watch is not supported on resources of kind \"crons.example.com\"");
  const Answer nothing = Get(path + "/nothing");
  EXPECT_EQ(nothing.code, 404);
  EXPECT_EQ(nothing.message(), "crons.example.com \"a\" not found");
}

TEST_F(PatchedWrites, AWordInThePathOfACustomResourceIsItsVerbWithWhateverMethod) {
  Define(Definition(Schema()));
  const std::string root = "/apis/example.com/v1/";
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ODD"}) {
    for (const char* place :
         {"namespaces/default/crons", "namespaces/default/crons/a", "crons", "crons/a"}) {
      const Answer watch = Ask(method, root + "watch/" + place + "?resourceVersion=1");
      EXPECT_EQ(watch.code, 200) << method << " " << place;
      EXPECT_NE(watch.response.stream, nullptr) << method << " " << place;
    }
    EXPECT_EQ(Ask(method, root + "watch/crons/a/status").code, 405) << method;
    const Answer proxy = Ask(method, root + "proxy/namespaces/default/crons/a/x");
    EXPECT_EQ(proxy.code, 405) << method;
    EXPECT_EQ(proxy.message(), "proxy is not supported on resources of kind \"crons.example.com\"");
    EXPECT_EQ(Ask(method, root + "proxy/crons/a").code, 404) << method;
    EXPECT_EQ(Ask(method, "/api/v1/watch/namespaces/default/configmaps?resourceVersion=1").code,
              std::string_view(method) == "GET" ? 200 : 405);
  }
}

TEST_F(PatchedWrites, WhatChangesACollectionNamesNothing) {
  Define(Definition(Schema()));
  const Answer changed = Merge(path_, "{}");
  EXPECT_EQ(changed.code, 400);
  EXPECT_EQ(changed.message(), "name must be provided");
  // The form of a patch is looked at first.
  EXPECT_EQ(Ask("PATCH", path_, "{}", "application/strategic-merge-patch+json").code, 415);
  const std::string nowhere = "/apis/example.com/v1/namespaces//crons/a";
  const Answer spaceless = Merge(nowhere, "{}");
  EXPECT_EQ(spaceless.code, 404);
  EXPECT_EQ(spaceless.response.body, "404 page not found\n");
  const std::string no_maps = "/api/v1/namespaces//configmaps/a";
  EXPECT_EQ(Ask("PATCH", no_maps, "{}", "odd/x").code, 415);
  EXPECT_EQ(Merge(no_maps, "{}").message(), "Namespace parameter required.");
}

TEST_F(PatchedWrites, WhoNamesNoCustomResourceListsWhatHasNoList) {
  Define(Definition(Schema()));
  for (const char* verb : {"list", "watch"}) {
    const std::string query = verb == std::string_view("watch") ? "?watch=1" : "";
    const Answer answer = Get(path_ + "//status" + query);
    EXPECT_EQ(answer.code, 405);
    EXPECT_EQ(answer.message(),
              std::string(verb) + " is not supported on resources of kind \"crons.example.com\"");
  }
  EXPECT_EQ(Get(path_ + "//nothing").code, 404);
}

TEST_F(PatchedWrites, ACustomResourceIsMadeAtThePathOfAnotherByTheNameThatItSays) {
  Define(Definition(Schema()));
  const Answer made = Post(path_ + "/other", Cron("a", {{"image", "web"}}));
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["name"], "a");
  EXPECT_EQ(Get(path_ + "/a").code, 200);
  EXPECT_EQ(Get(path_ + "/other").code, 404);
  EXPECT_EQ(Post(path_ + "/a", Cron("a", {{"image", "web"}})).code, 409);
  EXPECT_EQ(Post(path_ + "/a/status", Cron("b", {{"image", "web"}})).code, 405);
  EXPECT_EQ(Post(std::string(kMaps) + "/m", R"({"metadata": {"name": "m"}})").code, 405);
}

TEST_F(PatchedWrites, WhatAnObjectIsMayNotBeSaidTwice) {
  const Answer twice = Post(std::string(kMaps) + "?fieldValidation=Strict",
                            R"({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "t"},
                                "kind": "ConfigMap"})");
  EXPECT_EQ(twice.code, 400);
  EXPECT_THAT(twice.message(), HasSubstr("strict decoding error: duplicate field \"kind\""));
  Define(Definition(Schema()));
  EXPECT_THAT(
      Post(path_, R"({"kind": {}, "apiVersion": "example.com/v1"})").message(),
      HasSubstr("couldn't get version/kind; json parse error: json: cannot unmarshal object "
                "into Go struct field .kind of type string"));
}

TEST_F(PatchedWrites, AListIsNoObject) {
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}})").code, 201);
  Define(Definition(Schema()));
  ASSERT_EQ(Post(path_, Cron("i", {{"image", "web"}})).code, 201);
  for (const std::string& one : {std::string(kMaps) + "/m", path_ + "/i"}) {
    const Answer patched = Ask("PATCH", one, R"([{"op": "replace", "path": "", "value": []}])",
                               "application/json-patch+json");
    EXPECT_EQ(patched.code, 422) << one;
    EXPECT_THAT(patched.message(), HasSubstr("Invalid value: \"[]\": couldn't get version/kind; json "
                                             "parse error: json: cannot unmarshal array"));
  }
}

TEST_F(PatchedWrites, AStrategicPatchIsConvertedAsGoDoes) {
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}, "data": {"a": "b"}})").code, 201);
  const std::string one = std::string(kMaps) + "/m";
  EXPECT_THAT(Strategic(one, R"({"data": {"a": true}})").message(),
              HasSubstr("unrecognized type: string"));
  EXPECT_THAT(Strategic(one, R"({"data": []})").message(),
              HasSubstr("cannot restore map from slice"));
  EXPECT_THAT(Strategic(one, R"({"binaryData": {"a": "!"}})").message(),
              HasSubstr("error decoding from json: illegal base64 data at input byte 0"));
  EXPECT_THAT(Strategic(one, R"({"metadata": {"creationTimestamp": {}}})").message(),
              HasSubstr("json: cannot unmarshal object into Go value of type string"));
  EXPECT_EQ(Strategic(one, R"({"data": {"a": {"$patch": "delete"}}})").body.count("data"), 0u);
}

TEST_F(PatchedWrites, WhatShouldHaveAFormatIsToldOfIt) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["when"] = {{"type", "string"},
                                                        {"format", "date-time"}};
  Define(Definition(schema));
  EXPECT_EQ(Post(path_, Cron("a", {{"image", "web"}, {"when", true}})).message(),
            "Cron.example.com \"a\" is invalid: spec.when: Invalid value: \"\": spec.when in body "
            "must be of type date-time: \"\"");
}

TEST_F(PatchedWrites, WhatIsBoundHasAName) {
  const Answer bound =
      Post("/api/v1/namespaces/default/bindings", R"({"target": {"kind": "Node", "name": "n"}})");
  EXPECT_EQ(bound.code, 400);
  EXPECT_EQ(bound.message(), "Name parameter required.");
}

TEST_F(PatchedWrites, WhatIsBoundBelowItselfHasTheUidThatIsSaid) {
  const std::string space = "/api/v1/namespaces/default/";
  Post(space + "pods",
       R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  const std::string other =
      R"({"metadata": {"name": "p", "uid": "x"}, "target": {"kind": "Node", "name": "n"}})";
  EXPECT_EQ(Post(space + "pods/p/binding", other).code, 409);
  EXPECT_EQ(Post(space + "bindings", other).code, 201);
}

TEST_F(PatchedWrites, AnAppliedQuantityIsAScalar) {
  const Answer applied =
      Ask("PATCH", "/api/v1/namespaces/default/resourcequotas/q?fieldManager=m",
          R"({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
          "spec": {"hard": {"pods": {}}}})",
          "application/apply-patch+yaml");
  EXPECT_THAT(applied.message(), HasSubstr(".spec.hard.pods: expected any scalar, got &{map[]}"));
}

TEST_F(PatchedWrites, WhatAnEmbeddedResourceIsHasAnOwner) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["pod"] = {
      {"type", "object"},
      {"x-kubernetes-embedded-resource", true},
      {"x-kubernetes-preserve-unknown-fields", true}};
  Define(Definition(schema));
  const Answer made = Post(
      path_,
      Cron("a", {{"image", "web"},
                 {"pod", {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}}}}));
  ASSERT_EQ(made.code, 201) << made.message();
  const Json& fields = made.body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:pod"];
  EXPECT_TRUE(fields.contains("f:apiVersion")) << fields;
  EXPECT_TRUE(fields.contains("f:kind")) << fields;
}

TEST_F(PatchedWrites, WhatCannotBeReplicasIsToldAsGoHoldsIt) {
  Define(Definition(Schema()));
  const Answer answer = Post(
      path_, R"({"apiVersion": "example.com/v1", "kind": "Cron", "spec": {"replicas": 1e400}})");
  EXPECT_EQ(answer.code, 400);
  EXPECT_EQ(answer.message(),
            "Cron in version \"v1\" cannot be handled as a Cron: json: cannot unmarshal number "
            "1e400 into Go value of type float64");
  // A list: of a map no member is left that the schema does not know.
  EXPECT_THAT(Post(path_, Cron("a", {{"replicas", {1, "b"}}})).message(),
              HasSubstr("accessor error: [1 b] is of the type []interface {}, expected"));
}

}  // namespace
}  // namespace skiff
