// What clients send that is wrong: each gets Kubernetes' own answer, and the server goes on.
#include <gmock/gmock.h>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "apiserver/request/bad_input_fixture.h"
#include "base/certificates.h"
#include "base/hash.h"

namespace skiff {
namespace {

// They come in headers and queries, as any bytes, and would make lists unreadable for everybody.
TEST_F(BadInputTest, NamesOfUsersAndManagersAreStoredAsText) {
  const auto shown = [&](const std::string& path, const std::string& body, http::Headers headers) {
    const auto made = Ask({.method = "POST", .path = path, .body = body, .headers = headers});
    EXPECT_LT(made.code, 300) << made.response.body;
    EXPECT_FALSE(made.body.is_discarded()) << path;
    return made.body;
  };
  const std::string map = R"({"metadata": {"generateName": "m"}, "data": {"a": "b"}})";
  const auto manager = [&](const std::string& query, http::Headers headers) {
    return shown(kMaps + query, map, std::move(headers))["metadata"]["managedFields"][0]["manager"];
  };
  EXPECT_EQ(manager("?fieldManager=a%ff", {}), "a\ufffd");
  EXPECT_EQ(manager("", {{"User-Agent", "b\xff\t\xc2\xa0/1"}}), "b\ufffd");
  EXPECT_FALSE(Get(kMaps).body.is_discarded());
  const http::Headers as_other = {{"Impersonate-User", "c\xff"},
                                  {"Impersonate-Group", "system:masters"},
                                  {"Impersonate-Group", "d\xff"},
                                  {"Impersonate-Uid", "\xfe"},
                                  {"Impersonate-Extra-e%fe", "\xff"}};
  const Json user = shown("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}",
                          as_other)["status"]["userInfo"];
  EXPECT_EQ(user["username"], "c\ufffd");
  EXPECT_EQ(user["uid"], "\ufffd");
  EXPECT_EQ(user["groups"][1], "d\ufffd");
  EXPECT_EQ(user["extra"]["e\ufffd"][0], "\ufffd");
  const std::string requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const auto request = MakeCertificateRequest(NewSigningKey(KeyKind::kP256)->private_pem,
                                              {.common_name = "alice"});
  const Json object = {{"metadata", {{"name", "r"}}},
                       {"spec",
                        {{"request", EncodeBase64(*request)},
                         {"signerName", "example.com/any"},
                         {"usages", {"client auth"}}}}};
  EXPECT_EQ(shown(requests, object.dump(), as_other)["spec"]["username"], "c\ufffd");
  EXPECT_FALSE(Get(requests).body.is_discarded());
}

TEST_F(BadInputTest, NumbersOfSecondsThatNoDurationHoldsMeanForEver) {
  for (const char* seconds : {"18446744074", "9223372036854775807", "9223372036"}) {
    auto watch = Get(std::string(kMaps) + "?watch=1&timeoutSeconds=" + seconds);
    ASSERT_TRUE(watch.response.stream);
    watch.response.stream->Attach([] {});
    clock_.Advance(24h);
    std::vector<http::SharedBytes> out;
    EXPECT_EQ(watch.response.stream->Pull(1 << 20, out), http::Pulled::kIdle) << seconds;
  }
}

TEST_F(BadInputTest, TimesOfAnyYearComeBackAsTheyWereSent) {
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const auto lease = [](const std::string& name, const std::string& time) {
    return Json{{"metadata", {{"name", name}}}, {"spec", {{"acquireTime", time}}}}.dump();
  };
  for (const char* time : {"0001-01-01T00:00:02.000000Z", "1600-02-29T23:59:59.000001Z",
                           "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z",
                           "2262-04-12T00:00:00.123456Z", "9999-12-31T23:59:59.999999Z"}) {
    ASSERT_EQ(Post(leases, lease("l", time)).code, 201) << time;
    EXPECT_EQ(Get(leases + "/l").body["spec"]["acquireTime"], time);
    EXPECT_EQ(Get(leases).body["items"][0]["spec"]["acquireTime"], time);
    EXPECT_EQ(Merge(leases + "/l", R"({"metadata": {"labels": {"a": "b"}}})").code, 200);
    EXPECT_EQ(Get(leases + "/l").body["spec"]["acquireTime"], time);
    const auto bytes = Ask({.path = leases + "/l", .accept = kProtobufMedia}).response.body;
    const auto read = DecodeProtobuf(*FindBuiltInType("coordination.k8s.io/v1", "Lease"),
                                     OpenEnvelope(bytes)->raw);
    EXPECT_EQ((*read)["spec"]["acquireTime"], time);
    EXPECT_EQ(Ask("DELETE", leases + "/l").code, 200);
  }
  const auto zero = Post(leases, lease("zero", "0001-01-01T00:00:00.000000Z"));
  EXPECT_FALSE(zero.body["spec"].contains("acquireTime") &&
               !zero.body["spec"]["acquireTime"].is_null());
}

TEST_F(BadInputTest, UnknownAndRepeatedFieldsAreTreatedAsAsked) {
  const std::string body =
      R"({"metadata": {"name": "u", "nme": 1}, "dta": {}, "data": {"k": "1", "k": "2"}})";
  const auto strict = Post(std::string(kMaps) + "?fieldValidation=Strict", body);
  EXPECT_EQ(strict.code, 400);
  EXPECT_EQ(strict.message(),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
            "unknown field \"metadata.nme\", unknown field \"dta\", duplicate field \"data.k\"");
  const auto ignored = Post(std::string(kMaps) + "?fieldValidation=Ignore&dryRun=All", body);
  EXPECT_EQ(ignored.code, 201);
  EXPECT_EQ(ignored.response.headers.count("Warning"), 0u);
  const auto warned = Post(std::string(kMaps) + "?fieldValidation=Warn", body);
  EXPECT_EQ(warned.code, 201);
  EXPECT_EQ(warned.response.headers.count("Warning"), 3u);
  EXPECT_EQ(warned.body["data"]["k"], "2");
  EXPECT_EQ(Post(std::string(kMaps) + "?fieldValidation=Loose", body).code, 422);
}

TEST_F(BadInputTest, InvalidUtf8IsMendedOrRefusedButNeverKept) {
  const auto json = Post(kMaps,
                         "{\"metadata\": {\"name\": \"x\"}, \"data\": {\"k\": \"a\xff\xfe"
                         "b\"}}");
  EXPECT_EQ(json.code, 201);
  EXPECT_EQ(json.body["data"]["k"],
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
  const Json document = {{"metadata", {{"name", "p"}}}, {"data", {{"k", "a?b"}}}};
  std::string bytes = EncodeProtobuf(core_v1::ConfigMap::Describe(), {"v1", "ConfigMap"}, document);
  bytes[bytes.find("a?b") + 1] = '\xff';
  const auto protobuf = Ask("POST", kMaps, bytes, kProtobufMedia);
  EXPECT_EQ(protobuf.body["data"]["k"],
            "a\xef\xbf\xbd"
            "b");
  const auto list = Get(kMaps);
  EXPECT_EQ(list.code, 200);
  EXPECT_FALSE(list.body.is_discarded());
  EXPECT_EQ(Get(std::string(kMaps) + "/\xff").code, 404);
}

TEST_F(BadInputTest, ContentTypesThatNobodyKnowsAreRefused) {
  EXPECT_EQ(Ask("POST", kMaps, "a=b", "application/x-www-form-urlencoded").code, 415);
  EXPECT_EQ(Ask("POST", kMaps, "{}", "text/plain").message(),
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf");
  for (const char* behind :
       {";a", "; charset", "; =x", "; a=b c", ";;", "; a=\"b", "; a=\xc3\xa9"}) {
    const std::string type = std::string("application/json") + behind;
    EXPECT_EQ(Ask("POST", kMaps, R"({"metadata": {"name": "x"}})", type).code, 415) << behind;
  }
  EXPECT_EQ(Ask("POST", kMaps, R"({"metadata": {"name": "x"}})", ";a=b").code, 415);
  const std::string type = "application/json; a=b; c=\"d;\\\" e\" ;";
  EXPECT_EQ(Ask("POST", kMaps, R"({"metadata": {"name": "x"}})", type).code, 201);
  Post(kMaps, R"({"metadata": {"name": "a"}})");
  const auto patch = Ask("PATCH", std::string(kMaps) + "/a", "{}", "application/json");
  EXPECT_EQ(patch.code, 415);
  EXPECT_EQ(patch.body["reason"], "UnsupportedMediaType");
  // JSON that says it is protobuf, and the reverse.
  EXPECT_EQ(Ask("POST", kMaps, R"({"metadata": {"name": "b"}})", kProtobufMedia).code, 400);
  EXPECT_EQ(Ask("POST", kMaps, std::string("k8s\0\x0a", 5), "application/json").code, 400);
}

TEST_F(BadInputTest, QueriesThatMakeNoSenseAreBadRequests) {
  for (const char* query : {"?limit=x", "?resourceVersion=-1", "?continue=%00%ff", "?continue=e30",
                            "?labelSelector=a in", "?labelSelector=%ff", "?fieldSelector=nothing=1",
                            "?fieldSelector==", "?timeoutSeconds=9x", "?timeoutSeconds=",
                            "?limit="}) {
    const auto answer = Get(std::string(kMaps) + query);
    EXPECT_GE(answer.code, 400) << query;
    EXPECT_LT(answer.code, 500) << query << answer.body;
  }
}

// Valid bodies with bytes changed, dropped and repeated, seeded.
class MutatedBodyTest : public BadInputTest {
 protected:
  std::string Mutated(std::string text) {
    static constexpr std::string_view kInteresting{"\0\xff\"{}[]:,\\\n-9e\x80", 15};
    const uint64_t changes = 1 + dice_.Below(4);
    for (uint64_t i = 0; i < changes && !text.empty(); ++i) {
      const size_t at = dice_.Below(text.size());
      switch (dice_.Below(5)) {
        case 0:
          text[at] = static_cast<char>(dice_.Below(256));
          break;
        case 1:
          text[at] = kInteresting[dice_.Below(kInteresting.size())];
          break;
        case 2:
          text.erase(at, 1 + dice_.Below(8));
          break;
        case 3:
          text.insert(at, text.substr(dice_.Below(text.size()), dice_.Below(16)));
          break;
        default:
          text.resize(at);
      }
    }
    return text;
  }
  SeededRandom dice_{20};
};

TEST_F(MutatedBodyTest, EveryAnswerIsAStatusOrTheObject) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  const std::string pod =
      R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
          "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}],
          "resources": {"limits": {"cpu": "1500m"}}}]}})";
  ASSERT_EQ(Post(pods, pod).code, 201);
  const Json document = Json::parse(pod);
  const std::string yaml =
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {a: &x b, c: *x}\nspec:\n"
      "  containers:\n  - {name: c, image: i}\n";
  struct Form {
    const char* method;
    std::string path, type, body;
  };
  const std::string one = pods + "/p?fieldManager=m&dryRun=All";
  const std::vector<Form> forms = {
      {"POST", pods + "?dryRun=All", "application/json", pod},
      {"POST", pods + "?dryRun=All", "application/yaml", yaml},
      {"POST", pods + "?dryRun=All", kProtobufMedia,
       EncodeProtobuf(core_v1::Pod::Describe(), {"v1", "Pod"}, document)},
      {"PUT", one, "application/json", pod},
      {"PATCH", one, kMergePatch, R"({"metadata": {"labels": {"a": null, "x": "y"}}})"},
      {"PATCH", one, kStrategicPatch,
       R"({"spec": {"containers": [{"name": "c", "image": "j"}, {"$patch": "delete", "name": "d"}],
           "$setElementOrder/containers": [{"name": "c"}]}})"},
      {"PATCH", one, kJsonPatch,
       R"([{"op": "test", "path": "/metadata/name", "value": "p"},
           {"op": "copy", "from": "/metadata/labels", "path": "/metadata/annotations"}])"},
      {"PATCH", one, kApply, yaml},
      {"DELETE", pods + "/none", "application/json",
       R"({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "x"}})"},
  };
  for (const Form& form : forms) {
    for (int i = 0; i < 300; ++i) {
      const auto answer = Ask(form.method, form.path, Mutated(form.body), form.type);
      ASSERT_FALSE(answer.body.is_discarded()) << form.type;
      if (answer.code < 300) continue;
      ASSERT_EQ(answer.body["kind"], "Status") << form.type;
      ASSERT_EQ(answer.body["code"], answer.code);
    }
  }
  EXPECT_EQ(Get(pods + "/p").body["metadata"]["labels"]["a"], "b");
}

TEST_F(BadInputTest, WhatIsConnectedToIsNeverDry) {
  const std::string pod = "/api/v1/namespaces/default/pods/none";
  for (const char* end : {"/exec?command=ls&dryRun=All", "/attach?dryRun=", "/proxy?dryRun=All"}) {
    const auto answer = Ask("POST", pod + end);
    EXPECT_EQ(answer.code, 400) << end;
    EXPECT_EQ(answer.message(), "dryRun is not supported") << end;
  }
}

TEST_F(BadInputTest, WatchesAndListsAreAskedForInTheirOwnWay) {
  const std::string maps = "/api/v1/namespaces/default/configmaps?";
  const auto causes = [&](const std::string& query) {
    std::vector<std::string> messages;
    const Json details = Get(maps + query).body.value("details", Json::object());
    for (const Json& cause : details.value("causes", Json::array())) {
      messages.push_back(cause["message"]);
    }
    return messages;
  };
  EXPECT_THAT(causes("watch=1&continue=abc"),
              testing::ElementsAre(
                  "Forbidden: resourceVersionMatch is forbidden when continue is provided"));
  EXPECT_EQ(Get(maps + "watch=1&continue=abc&resourceVersion=1").code, 200) << "nobody looks at it";
  EXPECT_EQ(
      Get(maps + "continue=abcde").message(),
      "invalid continue token: continue key is not valid: illegal base64 data at input byte 4");
  const auto token = [&](std::string_view text) {
    const std::string message = Get(maps + "continue=" + Base64Url(text)).message();
    return message.substr(
        std::string("invalid continue token: continue key is not valid: ").size());
  };
  EXPECT_EQ(token("null"), "server does not recognize this encoded version ");
  EXPECT_EQ(token("{"), "unexpected end of JSON input");
  EXPECT_EQ(token("\xcf"), "invalid character 'Ï' looking for beginning of value");
  EXPECT_EQ(token("[]"),
            "json: cannot unmarshal array into Go value of type storage.continueToken");
  EXPECT_EQ(token(R"({"v": 5})"),
            "json: cannot unmarshal number into Go struct field continueToken.v of type string");
  EXPECT_EQ(token(R"({"v": "meta.k8s.io/v1", "rv": 1.5})"),
            "json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type "
            "int64");
  EXPECT_THAT(
      causes("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact"),
      testing::ElementsAre("Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
                           "NotOlderThan",
                           "Unsupported value: \"Exact\": supported values: \"NotOlderThan\""));
  EXPECT_THAT(causes("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
              testing::ElementsAre(
                  "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
                  "Forbidden: sendInitialEvents is forbidden for list"));
}

TEST_F(BadInputTest, AnAppliedVersionOfNothingIsPassedOver) {
  const auto made = Ask("PATCH", "/api/v1/namespaces/default/configmaps/new?fieldManager=m",
                        R"({"apiVersion": "v1", "kind": "ConfigMap",
                            "metadata": {"name": "new", "resourceVersion": "5"}})",
                        "application/apply-patch+yaml");
  EXPECT_EQ(made.code, 201) << made.body;
}

TEST_F(BadInputTest, ANamedQuestionIsShownInTheOrderOfGosFields) {
  const auto answer = Post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                           R"({"metadata": {"name": "x", "generateName": "g"}, "spec": {
                               "resourceAttributes": {"verb": "get", "resource": "pods"}}})");
  EXPECT_THAT(answer.message(),
              testing::HasSubstr(R"({"name":"x","generateName":"g","managedFields":[{"manager")"));
}

// A port of a pod collides with all before it, which makes the square of a list of warnings.
TEST_F(BadInputTest, WarningsAreBoundedLikeKubernetes) {
  std::string ports;
  for (int i = 0; i < 2000; ++i) ports += std::string(i > 0 ? "," : "") + R"({"containerPort": 80})";
  const auto answer = Post("/api/v1/namespaces/default/pods?dryRun=All",
                           R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c",
                               "image": "i", "ports": [)" + ports + "]}]}}");
  EXPECT_EQ(answer.code, 201) << answer.message();
  size_t bytes = 0;
  const auto [first, last] = answer.response.headers.equal_range("Warning");
  for (auto header = first; header != last; ++header) bytes += header->second.size();
  EXPECT_GT(bytes, 4096u);
  EXPECT_LT(bytes, 6000u);
}

TEST_F(BadInputTest, ErrorsOfAListAreBounded) {
  std::string wrong;
  for (int i = 0; i < 20'000; ++i) wrong += i > 0 ? ",{}" : "{}";
  const auto answer =
      Post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
           R"({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods",
               "fieldSelector": {"requirements": [)" + wrong + "]}}}}");
  EXPECT_EQ(answer.code, 422);
  EXPECT_EQ(answer.body["details"]["causes"].size(), 1001u);
  EXPECT_LT(answer.response.body.size(), size_t{1} << 20);
}

TEST_F(BadInputTest, LabelSelectorsOfQuestionsNameLabels) {
  const auto ask = [&](const std::string& requirement) {
    return Post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                R"({"spec": {"user": "u", "resourceAttributes": {"verb": "list",
                    "resource": "pods", "labelSelector": {"requirements": [)" +
                    requirement + "]}}}}");
  };
  EXPECT_EQ(ask(R"({"key": "a", "operator": "In", "values": ["b"]})").code, 201);
  EXPECT_EQ(ask(R"({"key": "a", "operator": "Newer"})").code, 201);
  const auto empty = ask(R"({"key": "", "operator": "Exists"})");
  EXPECT_EQ(empty.code, 422);
  EXPECT_THAT(empty.message(),
              testing::HasSubstr("spec.resourceAttributes.labelSelector.requirements[0].key: "
                                 "Invalid value: \"\": name part must be non-empty"));
  const auto blank = ask(R"({"key": "a b", "operator": "In", "values": ["c", "d e"]})");
  EXPECT_EQ(blank.code, 422);
  EXPECT_THAT(blank.message(), testing::HasSubstr("requirements[0].key: Invalid value: \"a b\""));
  EXPECT_THAT(blank.message(),
              testing::HasSubstr("requirements[0].values[1]: Invalid value: \"d e\""));
}

// Raw JSON is kept as it came: of any number, and of bytes that are no UTF-8.
TEST_F(BadInputTest, WhatYamlCannotSayIsNoNull) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  const auto make = [&](const std::string& name, const std::string& fields) {
    return Post(path, R"({"metadata": {"name": ")" + name + R"("}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"},
        "managedFields": [{"manager": "m", "operation": "Update", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": )" + fields + R"(}]},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}})");
  };
  ASSERT_EQ(make("huge", R"({"x": [1e999, -1E+999, 1.5, "1e999"]})").code, 201);
  for (const std::string& of : {path + "/huge", path}) {
    const auto shown = Ask({.path = of, .accept = "application/yaml"});
    EXPECT_EQ(shown.code, 200);
    EXPECT_THAT(shown.response.body, testing::HasSubstr("1e999"));
    EXPECT_THAT(shown.response.body, testing::HasSubstr("-1E+999"));
    EXPECT_THAT(shown.response.body, testing::HasSubstr("- 1.5\n"));
  }
  const auto scaled = Ask("PATCH", path + "/huge/scale", R"({"spec": {"replicas": 2}})",
                          "application/merge-patch+json");
  EXPECT_EQ(scaled.code, 200) << scaled.message();
  ASSERT_EQ(make("bytes", "{\"x\": \"\xff\"}").code, 201);
  for (const std::string& of : {path + "/bytes", path}) {
    const auto shown = Ask({.path = of, .accept = "application/yaml"});
    EXPECT_EQ(shown.code, 500);
    EXPECT_THAT(shown.response.body, testing::HasSubstr("invalid leading UTF-8 octet"));
  }
  EXPECT_EQ(Get(path).code, 200);
}

// Go reads such a number where it needs its value, and says so; YAML holds it for text.
TEST_F(BadInputTest, ANumberBeyondDoubleIsRefusedHoweverItComes) {
  const std::string path = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const auto revision = [](const char* data) {
    return std::string(R"({"apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {"name": "r"}, "revision": 1, "data": )") + data + "}";
  };
  constexpr const char* kWhy = "json: cannot unmarshal number 1e999 into Go value of type float64";
  const auto created = Post(path, revision(R"({"a": 1e999})"));
  EXPECT_EQ(created.code, 422);
  EXPECT_EQ(created.message(),
            "ControllerRevision.apps \"r\" is invalid: data: Invalid value: \"<value omitted>\": "
            "error parsing data: " + std::string(kWhy));
  ASSERT_EQ(Post(path, revision(R"({"a": 1e-999})")).code, 201) << "which is nothing";
  const auto patch = [&](const char* media, const char* body) {
    const auto answer = Ask("PATCH", path + "/r", body, media);
    return std::to_string(answer.code) + " " + answer.message();
  };
  const std::string merge = R"({"data": {"a": 1e999}})";
  EXPECT_EQ(patch("application/merge-patch+json", merge.c_str()),
            "400 error decoding patch: " + std::string(kWhy));
  EXPECT_EQ(patch("application/strategic-merge-patch+json", merge.c_str()),
            "400 " + std::string(kWhy));
  EXPECT_EQ(patch("application/json-patch+json",
                  R"([{"op": "replace", "path": "/data", "value": {"a": [-1e999]}}])"),
            "400 error decoding patch: json: cannot unmarshal number -1e999 into Go struct field "
            "jsonPatchOp.value of type float64");
  EXPECT_EQ(Ask("PUT", path + "/r", revision(R"({"a": 1e999})")).code, 422) << "it may not change";
  const auto applied = Ask("PATCH", path + "/s?fieldManager=m", R"({"apiVersion": "apps/v1",
      "kind": "ControllerRevision", "metadata": {"name": "s"}, "revision": 1,
      "data": {"a": 1e999}})", "application/apply-patch+yaml");
  EXPECT_EQ(applied.code, 201);
  EXPECT_EQ(applied.body["data"], Json({{"a", "1e999"}}));
}

TEST_F(BadInputTest, AnAppliedScaleMayHoldNullsInItsMetadata) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  Post(path, R"({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
                 "template": {"metadata": {"labels": {"a": "b"}},
                 "spec": {"containers": [{"name": "c", "image": "i"}]}}}})");
  for (const char* metadata : {"null", "{}", R"({"name": "d", "resourceVersion": null})",
                               R"({"name": null, "resourceVersion": null})"}) {
    const auto answer = Ask("PATCH", path + "/d/scale?fieldManager=m&force=true",
                            R"({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": )" +
                                std::string(metadata) + R"(, "spec": {"replicas": 3}})",
                            "application/apply-patch+yaml");
    EXPECT_EQ(answer.body["kind"], answer.code == 200 ? "Scale" : "Status") << metadata;
    EXPECT_LT(answer.code, 500) << metadata << answer.message();
  }
}

TEST_F(BadInputTest, AvoidedPodsOfANodeMayBeAnything) {
  for (const char* avoided : {R"({\"preferAvoidPods\": 5})", R"({\"preferAvoidPods\": {\"a\": 1}})",
                              R"({\"preferAvoidPods\": \"x\"})",
                              R"({\"preferAvoidPods\": [5, {\"podSignature\":
                                  {\"podController\": null}}]})"}) {
    std::string text = avoided;
    std::erase(text, '\n');
    const auto answer = Post("/api/v1/nodes", R"({"metadata": {"name": "n", "annotations": {
        "scheduler.alpha.kubernetes.io/preferAvoidPods": ")" + text + R"("}}})");
    EXPECT_EQ(answer.code, 422) << avoided;
  }
}

TEST_F(BadInputTest, WhatCannotBeWatchedIsStillDeprecated) {
  const auto answer = Get("/api/v1/componentstatuses?watch=1");
  EXPECT_EQ(answer.code, 405);
  EXPECT_EQ(answer.response.headers.count("Warning"), 1u);
}

}  // namespace
}  // namespace skiff
