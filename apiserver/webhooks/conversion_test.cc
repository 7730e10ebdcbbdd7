// Custom resources whose versions a webhook converts, against the real server.
#include <gtest/gtest.h>

#include <thread>

#include "apiserver/webhooks/conversion.h"
#include "apiserver/webhooks/conversion_fixture.h"

namespace skiff {
namespace {

TEST_F(Conversion, AnObjectIsReadInEachVersion) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:80").code, 201);
  ASSERT_EQ(Get(In("v1", "/a")).code, 200);
  EXPECT_EQ(Asked(), 0u) << "nobody is asked for what is stored so";
  const Answer read = Get(In("v2", "/a"));
  ASSERT_EQ(read.code, 200) << read.message();
  EXPECT_EQ(read.body["apiVersion"], "g.io/v2");
  EXPECT_EQ(read.body["spec"], Json::parse(R"({"kept": "v1", "host": "h", "port": "80"})"));
  EXPECT_EQ(read.body["metadata"]["annotations"]["converted"], "g.io/v2");
  EXPECT_EQ(read.body["metadata"]["resourceVersion"],
            Get(In("v1", "/a")).body["metadata"]["resourceVersion"]);
  EXPECT_FALSE(LastReview()["objects"][0]["metadata"].contains("resourceVersion"));
  EXPECT_NE(Get("/metrics").response.body.find(
                "apiserver_crd_conversion_webhook_duration_seconds_count{crd_name=\"sites.g.io\","
                "from_version=\"v1\",to_version=\"v2\",succeeded=\"true\"} 1"),
            std::string::npos);
  const Answer table =
      Ask({.path = In("v2"), .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  ASSERT_EQ(table.code, 200) << table.message();
  EXPECT_EQ(table.body["rows"][0]["cells"], Json::parse(R"(["a", "h"])"));
}

TEST_F(Conversion, DefaultsAreThoseOfTheVersionThatIsStored) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:80").code, 201);
  Lie([](Json& response) { response["convertedObjects"][0]["spec"].erase("kept"); });
  EXPECT_FALSE(Get(In("v2", "/a")).body["spec"].contains("kept"));
  EXPECT_FALSE(Get(In("v2")).body["items"][0]["spec"].contains("kept"));
}

// Nulls of an answer go where nothing stands for them; where a default would have come, it came
// before the conversion, and the null stays.
TEST_F(Conversion, NullsOfAnAnswerAreThoseThatTheSchemaKnowsADefaultFor) {
  for (const bool has_default : {false, true}) {
    Json definition = Definition();
    for (Json& version : definition["spec"]["versions"]) {
      Json& properties = version["schema"]["openAPIV3Schema"]["properties"];
      if (has_default) properties["spec"]["default"] = Json::object();
      properties["spec"]["properties"]["list"] =
          Json::parse(R"({"type": "array", "items": {"type": "object", "properties": {}}})");
    }
    ASSERT_EQ(Post(definitions_, definition.dump()).code, 201);
    Settle();
    ASSERT_EQ(MakeV1("a", "h:80").code, 201);
    Lie([](Json& response) {
      response["convertedObjects"][0]["spec"] = nullptr;
      response["convertedObjects"][0]["status"] = nullptr;
    });
    const Answer read = Get(In("v2", "/a")), listed = Get(In("v2"));
    ASSERT_EQ(read.code, 200) << read.message();
    ASSERT_EQ(listed.code, 200) << listed.message();
    Watching watch(Get(In("v2", "?watch=1")).response);
    for (const Json& object : {read.body, listed.body["items"][0], watch.Next()["object"]}) {
      EXPECT_EQ(object.contains("spec"), has_default) << object;
      EXPECT_TRUE(object.value("spec", Json()).is_null());
      EXPECT_FALSE(object.contains("status"));
    }
    EXPECT_EQ(Get(In("v2", "?fieldSelector=spec.host=")).body["items"].size(), 1u);
    const Answer patched = Merge(In("v2", "/a"), R"({"metadata": {"labels": {"a": "b"}}})");
    EXPECT_EQ(patched.code, 200) << patched.message();
    Lie([](Json& response) {
      response["convertedObjects"][0]["spec"] = Json::parse(R"({"kept": null, "list": [null]})");
    });
    EXPECT_EQ(Get(In("v2", "/a")).body["spec"], Json::parse(R"({"kept": null, "list": [null]})"));
    Lie({});
    ASSERT_EQ(Ask("DELETE", definitions_ + "/sites.g.io").code, 200);
    ASSERT_TRUE(DefinitionGoes());
  }
}

TEST_F(Conversion, AnObjectIsWrittenInEachVersion) {
  Define();
  const Answer created = Post(In("v2"), R"({"apiVersion": "g.io/v2", "kind": "Site",
      "metadata": {"name": "a"}, "spec": {"host": "h", "port": "80"}})");
  ASSERT_EQ(created.code, 201) << created.message();
  EXPECT_EQ(created.body["spec"]["host"], "h");
  EXPECT_EQ(Get(In("v1", "/a")).body["spec"]["hostPort"], "h:80");
  const Answer patched = Merge(In("v2", "/a"), R"({"spec": {"port": "81"}})");
  ASSERT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.body["spec"]["port"], "81");
  EXPECT_EQ(Get(In("v1", "/a")).body["spec"]["hostPort"], "h:81");
  ASSERT_EQ(Merge(In("v2", "/a/status"), R"({"status": {"ready": true}})").code, 200);
  EXPECT_EQ(Get(In("v1", "/a")).body["status"]["ready"], true);
  const Answer applied = Ask("PATCH", In("v2", "/a?fieldManager=me&force=true"),
                             R"({"apiVersion": "g.io/v2", "kind": "Site", "metadata": {"name": "a"},
                                 "spec": {"host": "i", "port": "82"}})",
                             "application/apply-patch+yaml");
  ASSERT_EQ(applied.code, 200) << applied.message();
  EXPECT_EQ(Get(In("v1", "/a")).body["spec"]["hostPort"], "i:82");
  ASSERT_EQ(Ask("DELETE", In("v2", "/a")).code, 200);
  EXPECT_EQ(Get(In("v1", "/a")).code, 404);
}

TEST_F(Conversion, WhoWroteThroughAnotherVersionLosesWhatThisOneChanges) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:80").code, 201);
  const Answer patched = Merge(In("v2", "/a?fieldManager=two"), R"({"spec": {"port": "81"}})");
  ASSERT_EQ(patched.code, 200) << patched.message();
  std::map<std::string, Json> fields;
  for (const Json& entry : patched.body["metadata"]["managedFields"]) {
    fields[entry["apiVersion"]] = entry["fieldsV1"]["f:spec"];
  }
  EXPECT_EQ(fields["g.io/v1"], Json::parse(R"({".": {}, "f:kept": {}})"));
  EXPECT_EQ(fields["g.io/v2"], Json::parse(R"({"f:port": {}})"));
}

TEST_F(Conversion, AnApplyConflictsWithWhoWroteTheSameThroughAnotherVersion) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:80").code, 201);
  ASSERT_EQ(Merge(In("v2", "/a?fieldManager=two"), R"({"spec": {"port": "81"}})").code, 200);
  const auto apply = [&](const std::string& query, const std::string& host_port) {
    return Ask("PATCH", In("v1", "/a?fieldManager=me" + query),
               R"({"apiVersion": "g.io/v1", "kind": "Site", "metadata": {"name": "a"},
                   "spec": {"hostPort": ")" +
                   host_port + "\"}}",
               "application/apply-patch+yaml");
  };
  EXPECT_EQ(apply("", "h:82").message(),
            "Apply failed with 1 conflict: conflict with \"two\" using g.io/v2: .spec.port");
  const Answer forced = apply("&force=true", "h:82");
  ASSERT_EQ(forced.code, 200) << forced.message();
  for (const Json& entry : forced.body["metadata"]["managedFields"]) {
    EXPECT_NE(entry["manager"], "two") << "nothing is left of what it wrote";
  }
}

TEST_F(Conversion, WhatIsAppliedNoMoreGoesThoughItHadAnotherName) {
  Define();
  const auto apply = [&](const std::string& version, const std::string& spec) {
    return Ask("PATCH", In(version, "/a?fieldManager=me"),
               R"({"apiVersion": "g.io/)" + version +
                   R"(", "kind": "Site", "metadata": {"name": "a"}, "spec": )" + spec + "}",
               "application/apply-patch+yaml");
  };
  ASSERT_EQ(apply("v1", R"({"hostPort": "h:80", "kept": "x"})").code, 201);
  const Answer applied = apply("v2", R"({"host": "h", "port": "80"})");
  ASSERT_EQ(applied.code, 200) << applied.message();
  EXPECT_EQ(Get(In("v1", "/a")).body["spec"], Json::parse(R"({"hostPort": "h:80", "kept": "v1"})"));
}

TEST_F(Conversion, AListOfSeveralVersionsIsOneQuestion) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  ASSERT_EQ(MakeV1("b", "h:2").code, 201);
  StoreAsV2();
  ASSERT_EQ(MakeV1("c", "i:3").code, 201);
  size_t before = Asked();
  const Answer v2 = Get(In("v2"));
  ASSERT_EQ(v2.code, 200) << v2.message();
  ASSERT_EQ(v2.body["items"].size(), 3u);
  for (const Json& item : v2.body["items"]) {
    EXPECT_EQ(item["apiVersion"], "g.io/v2");
    EXPECT_TRUE(item["spec"].contains("host")) << item;
  }
  EXPECT_EQ(Asked(), before + 1);
  EXPECT_EQ(LastReview()["objects"].size(), 2u);
  // Fields are those of the version that is asked for, whichever is stored.
  const Answer selected = Get(In("v1", "?fieldSelector=spec.hostPort=i:3"));
  ASSERT_EQ(selected.code, 200) << selected.message();
  ASSERT_EQ(selected.body["items"].size(), 1u);
  EXPECT_EQ(selected.body["items"][0]["metadata"]["name"], "c");
  EXPECT_EQ(Get(In("v2", "?fieldSelector=spec.host=h&limit=1")).body["items"].size(), 1u);
  ASSERT_EQ(Ask("DELETE", In("v2", "?fieldSelector=spec.host=h")).code, 200);
  EXPECT_EQ(Get(In("v1")).body["items"].size(), 1u);
}

TEST_F(Conversion, WhatIsWrittenAgainMovesToTheStoredVersion) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  StoreAsV2();
  Json object = Get(In("v1", "/a")).body;
  object["metadata"].erase("managedFields");
  const Answer written = Ask("PUT", In("v1", "/a"), object.dump());
  ASSERT_EQ(written.code, 200) << written.message();
  EXPECT_NE(written.body["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"]);
  const size_t before = Asked();
  EXPECT_EQ(Get(In("v2", "/a")).code, 200);
  EXPECT_EQ(Asked(), before) << "it is stored as v2";
}

// There may be many, each of which had documents of its own of an object as large as can be.
TEST_F(Conversion, WebhooksThatValidateTheSameVersionSeeTheSameDocuments) {
  Define();
  std::vector<Json> hooks;
  for (const char* name : {"a", "b", "c"}) {
    // Nobody answers there.
    hooks.push_back(Hook(name, {{"clientConfig", {{"url", "https://127.0.0.1:1/x"}}},
                                {"failurePolicy", "Ignore"},
                                {"rules",
                                 {{{"operations", {"CREATE"}},
                                   {"apiGroups", {"g.io"}},
                                   {"apiVersions", {"v2"}},
                                   {"resources", {"sites"}}}}}}));
  }
  Configure("validatingwebhookconfigurations", "v", hooks);
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  EXPECT_EQ(Asked(), 1u);
}

TEST_F(Conversion, WatchersOfAVersionShareOneQuestionAnEvent) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  Watching first(Get(In("v2", "?watch=1")).response);
  Watching second(Get(In("v2", "?watch=1&fieldSelector=spec.host=h")).response);
  Json event = first.Next();
  EXPECT_EQ(event["type"], "ADDED");
  EXPECT_EQ(event["object"]["spec"]["host"], "h") << event;
  EXPECT_EQ(second.Next()["type"], "ADDED");
  const size_t before = Asked();
  ASSERT_EQ(Merge(In("v1", "/a"), R"({"spec": {"hostPort": "i:1"}})").code, 200);
  event = first.Next();
  EXPECT_EQ(event["type"], "MODIFIED");
  EXPECT_EQ(event["object"]["apiVersion"], "g.io/v2");
  EXPECT_EQ(event["object"]["spec"]["host"], "i");
  event = second.Next();
  EXPECT_EQ(event["type"], "DELETED") << "it is no longer one of h";
  EXPECT_EQ(event["object"]["spec"]["host"], "h");
  EXPECT_EQ(Asked(), before + 1);
  ASSERT_EQ(Ask("DELETE", In("v1", "/a")).code, 200);
  event = first.Next();
  EXPECT_EQ(event["type"], "DELETED");
  EXPECT_EQ(event["object"]["spec"]["host"], "i");
}

// What a webhook makes of an event stays with it where that is about as large as what is stored:
// the ring counts no more than that.
TEST_F(Conversion, ALargeVersionOfAnEventIsThereForItsWatchersAlone) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  const auto asked_by_two_watchers = [&](const std::string& host_port) {
    const Json before = Get(In("v1", "/a")).body["metadata"]["resourceVersion"];
    EXPECT_EQ(Merge(In("v1", "/a"), Json{{"spec", {{"hostPort", host_port}}}}.dump()).code, 200);
    const size_t asked = Asked();
    for (int i = 0; i < 2; ++i) {
      Watching watch(
          Get(In("v2", "?watch=1&resourceVersion=" + before.get<std::string>())).response);
      EXPECT_EQ(watch.Next()["type"], "MODIFIED");
    }
    return Asked() - asked;
  };
  EXPECT_EQ(asked_by_two_watchers("i:1"), 1u);
  Lie([](Json& response) {
    for (Json& object : response["convertedObjects"]) {
      object["spec"]["z"] = std::string(20'000, 'z');
    }
  });
  // Whoever made the first one's may hold it a moment longer.
  size_t asked = 0;
  for (int i = 2; i < 22 && asked != 2; ++i) asked = asked_by_two_watchers("i:" + std::to_string(i));
  EXPECT_EQ(asked, 2u) << "many times the object is in memory";
}

// A webhook may change labels: what is stored has not the one that the watch is for.
TEST_F(Conversion, AWatchSelectsByTheLabelsThatAWebhookMakes) {
  Define();
  Lie([](Json& response) {
    for (Json& object : response["convertedObjects"]) object["metadata"]["labels"]["in"] = "v2";
  });
  Watching watch(Get(In("v2", "?watch=1&labelSelector=in%3Dv2")).response);
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  EXPECT_EQ(Get(In("v2", "?labelSelector=in%3Dv2")).body["items"].size(), 1u);
  const Json event = watch.NextWithin(5s);
  ASSERT_TRUE(event.is_object()) << "nobody told the watch";
  EXPECT_EQ(event["type"], "ADDED");
}

TEST_F(Conversion, AWebhookThatLiesHarmsItsRequestAlone) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  Watching watch(Get(In("v2", "?watch=1")).response);
  ASSERT_EQ(watch.Next()["type"], "ADDED");
  Lie([](Json& response) { response["convertedObjects"][0]["metadata"]["name"] = "b"; });
  const std::string text =
      "conversion webhook for g.io/v1, Kind=Site returned invalid object: must have the same name: "
      "a != b";
  for (const Answer& refused : {Get(In("v2", "/a")), Get(In("v2")), Ask("DELETE", In("v2", "/a")),
                                Merge(In("v2", "/a"), "{}")}) {
    EXPECT_EQ(refused.code, 500);
    EXPECT_EQ(refused.message(), text);
    EXPECT_FALSE(refused.body.contains("reason"));
  }
  // Who would take any revision is to ask again.
  for (const char* query : {"?resourceVersion=0", "?watch=1", "?watch=1&resourceVersion=0"}) {
    const Answer unready = Get(In("v2", query));
    EXPECT_EQ(unready.code, 429) << query;
    EXPECT_EQ(unready.message(),
              "storage is (re)initializing: failed to list g.io/v2, Kind=Site: " + text);
    EXPECT_EQ(unready.body["reason"], "TooManyRequests");
    EXPECT_EQ(unready.body["details"], Json({{"retryAfterSeconds", 1}}));
  }
  EXPECT_EQ(Get(In("v2", "?resourceVersion=0&limit=1")).code, 500);
  ASSERT_EQ(Merge(In("v1", "/a"), R"({"spec": {"hostPort": "i:1"}})").code, 200);
  const Json event = watch.Next();
  EXPECT_EQ(event["type"], "ERROR");
  EXPECT_EQ(event["object"]["message"], "Internal error occurred: " + text);
  EXPECT_EQ(event["object"]["reason"], "InternalError");
  EXPECT_TRUE(watch.Next().is_null()) << "and the watch is over";
  // Nothing of it stays.
  Lie({});
  EXPECT_EQ(Get(In("v2", "/a")).body["spec"]["host"], "i");
}

TEST_F(Conversion, WhoWouldTakeAnyRevisionIsToAskAgainWhateverTheLieIs) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  const Json odd[] = {"text", nullptr, 7, Json::array(), Json::object()};
  for (const Json& object : odd) {
    Lie([&](Json& response) { response["convertedObjects"] = Json::array({object}); });
    EXPECT_EQ(Get(In("v2")).code, 500) << object;
    for (const char* query : {"?resourceVersion=0", "?watch=1", "?watch=1&resourceVersion=0"}) {
      const Answer unready = Get(In("v2", query));
      EXPECT_EQ(unready.code, 429) << object << query << unready.message();
      EXPECT_EQ(unready.body["details"], Json({{"retryAfterSeconds", 1}}));
    }
  }
}

TEST_F(Conversion, AWebhookThatHangsHoldsUpNobodyElse) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  Watching watch(Get(In("v2", "?watch=1")).response);
  ASSERT_EQ(watch.Next()["type"], "ADDED");
  const size_t before = Asked();
  {
    const std::lock_guard lock(mutex_);
    hangs_ = true;
  }
  Answer read;
  std::thread reader([&] { read = Get(In("v2", "/a")); });
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ > before; });
  }
  EXPECT_EQ(Get(In("v1", "/a")).code, 200);
  EXPECT_EQ(Merge(In("v1", "/a"), R"({"spec": {"hostPort": "i:1"}})").code, 200);
  EXPECT_EQ(Get("/api/v1/namespaces/default").code, 200);
  {
    const std::lock_guard lock(mutex_);
    hangs_ = false;
    changed_.notify_all();
  }
  reader.join();
  EXPECT_EQ(read.code, 200);
  EXPECT_EQ(watch.Next()["object"]["spec"]["host"], "i");
}

// However many questions a request has, it ends in its time.
TEST_F(Conversion, NobodyIsWaitedForBeyondTheTimeOfARequest) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  ASSERT_EQ(MakeV1("b", "h:2").code, 201);
  {
    const std::lock_guard lock(mutex_);
    hangs_ = true;
  }
  const auto begin = std::chrono::steady_clock::now();
  for (const Answer& late :
       {Get(In("v2", "/a?timeout=1s")), Get(In("v2", "?timeout=1s&limit=1&labelSelector=x")),
        Merge(In("v2", "/a?timeout=1s"), R"({"spec": {"port": "3"}})")}) {
    EXPECT_EQ(late.code, 504) << late.message();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kConversionTimeout);
}

// Who cleans storedVersions before all objects are written again does no harm to others.
TEST_F(Conversion, WhatStoredVersionsDoNotTellOfIsWaitedForElsewhereAllTheSame) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:80").code, 201);
  StoreAsV2();
  ASSERT_EQ(Merge(definitions_ + "/sites.g.io/status", R"({"status": {"storedVersions": ["v2"]}})")
                .code,
            200);
  Settle();
  ASSERT_EQ(Get(In("v1", "/a")).code, 200);
  http::Request request;
  request.method = "GET";
  request.path = request.target = In("v2", "/a");
  request.headers.emplace("Authorization", "Bearer admin");
  const auto outcome = server_->TryHandle(request);
  EXPECT_FALSE(outcome.response);
  EXPECT_EQ(Asked(), 0u) << "a loop waits for nobody";
  ASSERT_TRUE(outcome.rest);
  auto rest = outcome.rest(request, nullptr);
  ASSERT_TRUE(rest && rest->pending) << "nor does a worker";
  const http::Response answer = Awaited(*std::move(rest));
  EXPECT_EQ(Json::parse(answer.body)["spec"]["host"], "h");
  EXPECT_EQ(Get(In("v2", "?fieldSelector=spec.host=h")).body["items"].size(), 1u);
  Watching watch(Get(In("v2", "?watch=1")).response);
  EXPECT_EQ(watch.Next()["object"]["spec"]["host"], "h");
}

// Nor does a worker, that a list too long for a loop or a watch comes to at once.
TEST_F(Conversion, NoWorkerWaitsForWhatStoredVersionsDoNotTellOf) {
  for (const char* query : {"?limit=500", "?fieldSelector=spec.host=h", "?watch=1"}) {
    Define();
    ASSERT_EQ(MakeV1("a", "h:80").code, 201);
    StoreAsV2();
    const std::string definition = definitions_ + "/sites.g.io";
    ASSERT_EQ(Merge(definition + "/status", R"({"status": {"storedVersions": ["v2"]}})").code, 200);
    Settle();
    http::Request request;
    request.method = "GET";
    request.path = request.target = In("v2");
    request.query = http::ParseQuery(query + 1);
    request.headers.emplace("Authorization", "Bearer admin");
    const size_t before = Asked();
    auto answer = server_->HandleLater(request, nullptr);
    EXPECT_EQ(Asked(), before) << query;
    ASSERT_TRUE(answer && answer->pending) << query;
    const http::Response listed = Awaited(*std::move(answer));
    EXPECT_EQ(listed.status, 200) << query;
    EXPECT_GT(Asked(), before) << query;
    ASSERT_EQ(Ask("DELETE", definition).code, 200);
    ASSERT_TRUE(DefinitionGoes());
  }
}

TEST_F(Conversion, NothingIsEstablishedBeforeItsWebhookCanBeTrusted) {
  Json definition = Definition();
  Json& client = definition["spec"]["conversion"]["webhook"]["clientConfig"];
  const Json bundle = client["caBundle"];
  client["caBundle"] = "Cg==";
  ASSERT_EQ(Post(definitions_, definition.dump()).code, 201);
  Settle();
  Json condition = Get(definitions_ + "/sites.g.io").body["status"]["conditions"][1];
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["reason"], "InvalidCABundle");
  EXPECT_EQ(condition["message"], "The conversion webhook CABundle is invalid");
  EXPECT_EQ(Get(In("v1")).code, 404);
  client["caBundle"] = bundle;
  const Json spec = {{"spec", definition["spec"]}};
  ASSERT_EQ(Merge(definitions_ + "/sites.g.io", spec.dump()).code, 200);
  Settle();
  condition = Get(definitions_ + "/sites.g.io").body["status"]["conditions"][1];
  EXPECT_EQ(condition["reason"], "InitialNamesAccepted");
  EXPECT_EQ(Get(In("v1")).code, 200);
}

TEST_F(Conversion, ADefinitionWhoseWebhookFailsSaysSoAndGoesLater) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  StoreAsV2();
  Lie([](Json& response) { response["result"] = {{"status", "Failure"}, {"message", "no"}}; });
  ASSERT_EQ(Ask("DELETE", definitions_ + "/sites.g.io").code, 200);
  ASSERT_TRUE(FailsToGo());
  EXPECT_EQ(Terminating()["message"],
            "could not list instances: conversion webhook for g.io/v1, Kind=Site failed: no");
  Lie({});
  EXPECT_TRUE(DefinitionGoes());
}

TEST_F(Conversion, ADefinitionRepeatsNoMoreThanTheBeginningOfWhatItsWebhookSays) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  StoreAsV2();
  Lie([](Json& response) {
    response["result"] = {{"status", "Failure"}, {"message", std::string(2 << 20, 'x')}};
  });
  ASSERT_EQ(Ask("DELETE", definitions_ + "/sites.g.io").code, 200);
  ASSERT_TRUE(FailsToGo());
  const std::string message = Terminating()["message"];
  EXPECT_TRUE(message.ends_with(std::string(1000, 'x')));
  EXPECT_LT(message.size(), 2200u);
  Lie({});
  EXPECT_TRUE(DefinitionGoes());
}

TEST_F(Conversion, ADefinitionGoesWithObjectsOfAllItsVersions) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  StoreAsV2();
  ASSERT_EQ(MakeV1("b", "h:2").code, 201);
  ASSERT_EQ(Ask("DELETE", definitions_ + "/sites.g.io").code, 200);
  // Its objects go aside, and the loop is woken when they are gone.
  EXPECT_TRUE(DefinitionGoes());
}

TEST_F(Conversion, ObjectsGoInTheVersionThatTheyAreStoredInThoughAnotherIsServed) {
  Define();
  ASSERT_EQ(MakeV1("a", "h:1").code, 201);
  Json hidden = Definition();
  hidden["spec"]["versions"][0]["served"] = false;
  ASSERT_EQ(
      Merge(definitions_ + "/sites.g.io", Json{{"spec", hidden["spec"]}}.dump()).code, 200);
  Settle();
  const size_t before = Asked();
  ASSERT_EQ(Ask("DELETE", definitions_ + "/sites.g.io").code, 200);
  EXPECT_TRUE(DefinitionGoes());
  EXPECT_EQ(Asked(), before) << "nothing is to be converted";
}

}  // namespace
}  // namespace skiff
