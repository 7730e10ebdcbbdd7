#include <gmock/gmock.h>

#include "cli/prune/objects_fixture.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

class ApplyTest : public ObjectsTest {};

TEST_F(ApplyTest, WhatCannotBeReadIsNamedWithItsFile) {
  forbidden_.insert(std::string(kMaps) + "a");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  const std::string of =
      "error when retrieving current configuration of:\n"
      "Resource: \"/v1, Resource=configmaps\", GroupVersionKind: \"/v1, Kind=ConfigMap\"\n";
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 1);
  EXPECT_EQ(err_, "Error from server (Forbidden): " + of +
                      "Name: \"a\", Namespace: \"default\"\n"
                      "from server for: \"STDIN\": not for you\n");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})";
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 1);
  EXPECT_EQ(err_, "error: " + of +
                      "Name: \"\", Namespace: \"default\"\n"
                      "from server for: \"STDIN\": resource name may not be empty\n");
  EXPECT_THAT(writes_, testing::IsEmpty());
}

TEST_F(ApplyTest, AServerOutOfReachIsToldAsWhatCannotBeValidatedUnlessNothingIs) {
  server_ = [](const http::Request&) {
    http::Response response;
    response.status = 503;
    response.body = R"({"kind":"Status","status":"Failure","reason":"ServiceUnavailable",)"
                    R"("code":503,)"
                    R"("message":"Unable to connect to the server https://h:1: connect: )"
                    R"(connection refused"})";
    return response;
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  EXPECT_EQ(Run("apply", {"-f", "-"}), 1);
  EXPECT_EQ(err_, "error: error validating \"STDIN\": error validating data: failed to download "
                  "openapi: Get \"https://h:1/openapi/v2?timeout=32s\": connect: connection "
                  "refused; if you choose to ignore these errors, turn validation off with "
                  "--validate=false\n");
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 1);
  EXPECT_EQ(err_, "The connection to the server h:1 was refused - did you specify the right host "
                  "or port?\n");
}

TEST_F(ApplyTest, UnderItsOwnNameAServerOutOfReachIsToldOnceHoweverManyObjectsThereAre) {
  server_ = [](const http::Request&) {
    http::Response response;
    response.status = 503;
    response.body = R"({"kind":"Status","status":"Failure","reason":"ServiceUnavailable",)"
                    R"("code":503,)"
                    R"("message":"Unable to connect to the server https://h:1: connect: )"
                    R"(connection refused"})";
    return response;
  };
  program_ = "skiff";
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
---
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}})";
  for (const char* verb : {"apply", "create", "replace"}) {
    for (const char* flag : {"--validate", "--validate=false"}) {
      EXPECT_EQ(Run(verb, {"-f", "-", flag}), 1);
      EXPECT_EQ(err_,
                "The connection to the server h:1 was refused - did you specify the right "
                "host or port?\n")
          << verb << " " << flag;
    }
  }
}

TEST_F(ApplyTest, ADiffTakesALastAppliedFormThatIsNoObjectForNone) {
  variables_["KUBECTL_EXTERNAL_DIFF"] = "";
  for (const char* last : {"null", R"({"metadata":null})", R"({"metadata":"x"})", "[]", "{"}) {
    Put(std::string(kMaps) + "a", {{"apiVersion", "v1"},
                                   {"kind", "ConfigMap"},
                                   {"data", {{"k", "v"}}},
                                   {"metadata", {{"annotations", {{kLastApplied, last}}}}}});
    input_ = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";
    EXPECT_EQ(Run("diff", {"-f", "-"}), 0) << last << ": " << err_;
    EXPECT_EQ(out_, "") << last;
  }
}

TEST_F(ApplyTest, SeveralObjectsArePrintedAsOneListAndADryRunShowsWhatIsThere) {
  Put(std::string(kMaps) + "a",
      {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"k", "live"}}}});
  input_ =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: file}\n---\n"
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {k: new}\n";
  const std::vector<std::string> args = {"-f", "-", "--validate=false", "--dry-run=client"};
  EXPECT_EQ(Run("apply", args), 0) << err_;
  EXPECT_EQ(out_, "configmap/a configured (dry run)\nconfigmap/b created (dry run)\n");
  EXPECT_EQ(err_, "");
  std::vector<std::string> as_json = args;
  as_json.insert(as_json.end(), {"-o", "json"});
  EXPECT_EQ(Run("apply", as_json), 0) << err_;
  EXPECT_THAT(out_, testing::StartsWith("{\n    \"kind\": \"List\",\n    \"apiVersion\": \"v1\",\n"
                                        "    \"metadata\": {},\n    \"items\": ["));
  const Json list = *ParseJson(out_);
  EXPECT_EQ(TextAt(list["items"][0], "data", "k"), "live");
  EXPECT_EQ(TextAt(list["items"][1], "data", "k"), "new");
  std::vector<std::string> by_template = args;
  by_template.emplace_back("--template={{.kind}} {{.metadata.name}};");
  EXPECT_EQ(Run("apply", by_template), 0) << err_;
  EXPECT_EQ(out_, "ConfigMap a;ConfigMap b;") << "each is printed by a template alone";
  EXPECT_THAT(writes_, testing::IsEmpty());
}

TEST_F(ApplyTest, WhatIsForcedAndCannotBeMadeAnewIsThereAsItWas) {
  const std::string path = std::string(kMaps) + "a";
  Put(path, {{"apiVersion", "v1"},
             {"kind", "ConfigMap"},
             {"metadata", {{"resourceVersion", "7"}}},
             {"data", {{"k", "old"}}}});
  bool refuses_all = false;
  server_ = [&, answer = server_](const http::Request& request) {
    const auto body = ParseJson(request.body);
    const bool is_new = body && TextAt(*body, "data", "k") == "new";
    if (request.method == "PATCH" || (request.method == "POST" && (is_new || refuses_all))) {
      http::Response response;
      response.status = 422;
      response.body = R"({"kind":"Status","status":"Failure","reason":"Invalid","code":422,)"
                      R"("message":"no such thing","details":{"kind":"ConfigMap","name":"a",)"
                      R"("causes":[{"field":"data","message":"no"}]}})";
      return response;
    }
    return answer(request);
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
               "data": {"k": "new"}})";
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false", "--force"}), 1);
  EXPECT_THAT(err_, testing::EndsWith("\nThe ConfigMap \"a\" is invalid: data: no\n"));
  EXPECT_EQ(TextAt(objects_[path], "data", "k"), "old");
  EXPECT_EQ(TextAt(objects_[path], "metadata", "resourceVersion"), "");
  refuses_all = true;
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false", "--force"}), 1);
  EXPECT_THAT(err_, testing::HasSubstr("An error occurred force-replacing the existing object"));
  EXPECT_THAT(err_, testing::HasSubstr("attempting to restore the original object:"));
}

TEST_F(ApplyTest, WhatOthersHaveChangedStaysWhereNothingIsToBeOverwritten) {
  const std::string path = std::string(kMaps) + "a";
  const std::string applied =
      R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}})";
  Put(path, {{"apiVersion", "v1"},
             {"kind", "ConfigMap"},
             {"metadata",
              {{"annotations", {{"kubectl.kubernetes.io/last-applied-configuration", applied}}},
               {"deletionTimestamp", "2026-01-01T00:00:00Z"}}},
             {"data", {{"k", "theirs"}}}});
  input_ = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: ours}\n";
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false", "--overwrite=false"}), 1);
  EXPECT_THAT(err_, testing::HasSubstr("conflicts with changes made from original to current"));
  EXPECT_EQ(TextAt(objects_[path], "data", "k"), "theirs");
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 0) << err_;
  EXPECT_EQ(TextAt(objects_[path], "data", "k"), "ours");
  const std::string warning =
      "Warning: Detected changes to resource a which is currently being deleted.\n";
  EXPECT_EQ(err_, warning);
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false", "--server-side", "--field-manager=m"}), 0);
  EXPECT_EQ(err_, warning);
}

TEST_F(ApplyTest, AMigrationThatSomebodyWasFasterThanIsTriedAgain) {
  const std::string path = std::string(kMaps) + "a";
  const Json manager = {
      {"manager", "kubectl-client-side-apply"},
      {"operation", "Update"},
      {"apiVersion", "v1"},
      {"fieldsType", "FieldsV1"},
      {"fieldsV1",
       {{"f:metadata",
         {{"f:annotations",
           {{"f:kubectl.kubernetes.io/last-applied-configuration", Json::object()}}}}}}}};
  const Json own = {{"manager", "kubectl"},
                    {"operation", "Apply"},
                    {"apiVersion", "v1"},
                    {"fieldsType", "FieldsV1"},
                    {"fieldsV1", Json::object()}};
  Put(path,
      {{"apiVersion", "v1"},
       {"kind", "ConfigMap"},
       {"metadata", {{"resourceVersion", "7"}, {"managedFields", Json::array({manager, own})}}}});
  int conflicts = 0, migrations = 0;
  server_ = [&, answer = server_](const http::Request& request) {
    http::Response response;
    if (request.method != "PATCH") return answer(request);
    const auto body = ParseJson(request.body);
    const bool migrates = body && body->is_array();
    if (migrates && migrations++ < conflicts) {
      response.status = 409;
      response.body = R"({"kind":"Status","status":"Failure","reason":"Conflict","code":409,)"
                      R"("message":"the object has been modified"})";
      return response;
    }
    response.status = 200;
    response.body = objects_[path].dump();
    return response;
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  const std::vector<std::string> args = {"-f", "-", "--validate=false", "--server-side"};
  conflicts = 3;
  EXPECT_EQ(Run("apply", args), 0);
  EXPECT_EQ(out_ + err_, "configmap/a serverside-applied\n");
  EXPECT_EQ(migrations, 4);
  conflicts = 100;
  migrations = 0;
  EXPECT_EQ(Run("apply", args), 0);
  EXPECT_EQ(out_ + err_, "configmap/a serverside-applied\n") << "kubectl is silent as well";
  EXPECT_EQ(migrations, 5);
}

TEST_F(ApplyTest, WhatCannotBeAnObjectIsToldAsGoDoes) {
  const std::pair<const char*, const char*> cases[] = {
      {"metadata: {name: x, labels: {a: 1}}",
       "number into Go struct field ObjectMeta.metadata.labels of type string"},
      {"metadata: {name: x, annotations: {a: true}, labels: {a: 1}}",
       "bool into Go struct field ObjectMeta.metadata.annotations of type string"},
      {"metadata: {name: x, labels: [a]}",
       "array into Go struct field ObjectMeta.metadata.labels of type map[string]string"},
      {"metadata: x",
       "string into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta"}};
  for (const auto& [metadata, why] : cases) {
    input_ = std::string("apiVersion: v1\nkind: ConfigMap\n") + metadata + "\n";
    EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 1);
    const std::string begin = "error: unable to decode \"STDIN\": json: cannot unmarshal ";
    EXPECT_EQ(err_, begin + why + "\n");
  }
  input_ = "apiVersion: v1\nkind: 5\nmetadata: {name: x}\n";
  EXPECT_EQ(Run("apply", {"-f", "-"}), 1);
  EXPECT_THAT(err_, testing::HasSubstr("error validating data: kind isn't string type; if"));
  EXPECT_THAT(writes_, testing::IsEmpty());
}

}  // namespace
}  // namespace skiff::cli
