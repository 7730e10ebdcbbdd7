// Bodies that say they are of another version or kind than they were sent to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/crd/documents.h"
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;

class CustomBodies : public CustomResources {
 protected:
  CustomBodies() {
    Json definition = Definition(Schema());
    Json& versions = definition["spec"]["versions"];
    Json old = versions[0];
    old["name"] = "v0";
    old["storage"] = false;
    old.erase("selectableFields");  // All versions have them only where all are of one schema.
    old["schema"]["openAPIV3Schema"]["properties"]["old"] = {{"type", "string"}};
    versions.push_back(old);
    Define(definition);
  }

  static std::string Body(const std::string& api_version, const std::string& kind = "Cron") {
    return Json{{"apiVersion", api_version},
                {"kind", kind},
                {"metadata", {{"name", "a"}, {"odd", 1}}},
                {"old", "x"},
                {"spec", {{"image", "web"}, {"more", 1}}}}
        .dump();
  }

  static std::vector<std::string> Warnings(const Answer& answer) {
    std::vector<std::string> texts;
    for (const auto& [name, value] : answer.response.headers) {
      if (name == "Warning") texts.push_back(value);
    }
    return texts;
  }

  static std::string Unlike(const std::string& version) {
    return "the API version in the data (" + version +
           ") does not match the expected API version (example.com/v1)";
  }
};

TEST_F(CustomBodies, OfAVersionThatThereIsNotAllFieldsAreUnknown) {
  const Answer answer = Post(path_, Body("example.com/v9"));
  EXPECT_EQ(answer.code, 400);
  EXPECT_EQ(answer.message(), Unlike("example.com/v9"));
  EXPECT_THAT(Warnings(answer),
              ElementsAre(R"(299 - "unknown field \"metadata.odd\"")",
                          R"(299 - "unknown field \"old\"")", R"(299 - "unknown field \"spec\"")"));
}

TEST_F(CustomBodies, OfAnotherVersionThoseAreUnknownThatItDoesNotHave) {
  const Answer answer = Post(path_, Body("example.com/v0"));
  EXPECT_EQ(answer.message(), Unlike("example.com/v0"));
  EXPECT_THAT(Warnings(answer), ElementsAre(R"(299 - "unknown field \"metadata.odd\"")",
                                            R"(299 - "unknown field \"spec.more\"")"));
}

TEST_F(CustomBodies, OfOtherKindsNothingIsKnown) {
  for (const auto& [version, kind] :
       {std::pair("other.io/v1", "Cron"), std::pair("example.com/v9", "Other")}) {
    const Answer answer = Post(path_, Body(version, kind));
    EXPECT_EQ(answer.message(), Unlike(version));
    EXPECT_THAT(Warnings(answer), ElementsAre(R"(299 - "unknown field \"metadata.odd\"")"));
  }
  const Answer other = Post(path_, Body("example.com/v1", "Other"));
  EXPECT_EQ(other.code, 422);
  EXPECT_EQ(other.message(),
            R"(Other.example.com "a" is invalid: kind: Invalid value: "Other": must be Cron)");
}

TEST_F(CustomBodies, WhoAsksForStrictnessIsToldOfTheFieldsFirst) {
  const std::string strict = path_ + "?fieldValidation=Strict";
  const Answer answer = Post(strict, Body("example.com/v9"));
  EXPECT_EQ(answer.code, 400);
  EXPECT_EQ(answer.message(),
            "Cron in version \"v9\" cannot be handled as a Cron: strict decoding error: unknown "
            "field \"metadata.odd\", unknown field \"old\", unknown field \"spec\"");
  EXPECT_THAT(Warnings(answer), IsEmpty());
  Json misfit = Json::parse(Body("example.com/v9"));
  misfit["metadata"]["labels"] = 1;
  EXPECT_TRUE(Post(path_, misfit.dump())
                  .message()
                  .starts_with("Cron in version \"v9\" cannot be handled as a Cron: json: cannot "
                               "unmarshal number into Go struct field "));
  const Answer ignored = Post(path_ + "?fieldValidation=Ignore", Body("example.com/v9"));
  EXPECT_EQ(ignored.message(), Unlike("example.com/v9"));
  EXPECT_THAT(Warnings(ignored), IsEmpty());
}

TEST_F(CustomBodies, OfAnotherKindItIsJudgedBehindNamesAndVersions) {
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const std::string one = path_ + "/a";
  const auto other = [&](const Json& metadata) {
    Json body = {{"apiVersion", "example.com/v1"}, {"kind", "Other"}, {"metadata", metadata}};
    body["spec"] = {{"image", "web"}};
    return body.dump();
  };
  EXPECT_EQ(Ask("PUT", one, other({{"name", "b"}})).code, 400);
  EXPECT_EQ(Ask("PUT", one, other({{"name", "a"}, {"namespace", "b"}})).code, 400);
  EXPECT_EQ(Ask("PUT", one, other({{"name", "a"}})).message(),
            "crons.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must "
            "be specified for an update");
  EXPECT_EQ(Ask("PUT", one, other({{"name", "a"}, {"resourceVersion", "1"}})).code, 409);
  const Json version = Get(one).body["metadata"]["resourceVersion"];
  const std::string why =
      R"(Other.example.com "a" is invalid: kind: Invalid value: "Other": must be Cron)";
  EXPECT_EQ(Ask("PUT", one, other({{"name", "a"}, {"resourceVersion", version}})).message(), why);
  EXPECT_EQ(Merge(one, R"({"kind": "Other"})").message(), why);
  EXPECT_EQ(Merge(one, R"({"kind": "Other", "metadata": {"name": "b"}})").code, 400);
  EXPECT_EQ(Merge(one, R"({"kind": "Other", "metadata": {"resourceVersion": "1"}})").code, 409);
  const Answer both = Merge(one, R"({"kind": "Other", "metadata": {"labels": {"a b": "c"}}})");
  EXPECT_THAT(both.message(), StartsWith("Other.example.com \"a\" is invalid: [metadata.labels: "));
  EXPECT_THAT(both.message(), EndsWith(", kind: Invalid value: \"Other\": must be Cron]"));
  EXPECT_EQ(Merge(one, R"({"apiVersion": "example.com/v0"})").message(),
            "Cron.example.com \"a\" is invalid: apiVersion: Invalid value: \"example.com/v0\": "
            "must be example.com/v1");
  const Answer unknown = Merge(one, R"({"apiVersion": "example.com/v9"})");
  EXPECT_EQ(unknown.code, 422);
  EXPECT_THAT(Warnings(unknown), ElementsAre(R"(299 - "unknown field \"spec\"")"));
  EXPECT_EQ(Get(one).body["metadata"]["resourceVersion"], version);
}

// Only the status is taken of it.
TEST_F(CustomBodies, WhatAStatusIsOfIsNotLookedAt) {
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  const std::string status = path_ + "/a/status";
  const auto replicas = [&] { return Get(path_ + "/a").body["status"]["replicas"]; };
  const auto is_owned = [&] {
    return Get(path_ + "/a").body["metadata"].contains("managedFields");
  };
  EXPECT_EQ(Merge(status, R"({"apiVersion": "example.com/v0", "status": {"replicas": 4}})").code,
            200);
  EXPECT_EQ(replicas(), 4);
  EXPECT_TRUE(is_owned());
  EXPECT_EQ(Merge(status, R"({"kind": "Other", "status": {"replicas": 3}})").code, 200);
  EXPECT_EQ(replicas(), 3);
  EXPECT_FALSE(is_owned()) << "of another kind it cannot be told who owns what";
  const Json version = Get(path_ + "/a").body["metadata"]["resourceVersion"];
  Json body = Json::parse(Cron("a", {{"image", "web"}}));
  body["kind"] = "Other";
  body["metadata"]["resourceVersion"] = version;
  body["status"] = {{"replicas", 5}};
  const Answer put = Ask("PUT", status, body.dump());
  EXPECT_EQ(put.code, 200) << put.message();
  EXPECT_EQ(put.body["kind"], "Cron");
  EXPECT_EQ(replicas(), 5);
  body["apiVersion"] = "example.com/v0";
  EXPECT_EQ(Ask("PUT", status, body.dump()).message(), Unlike("example.com/v0"));
}

TEST_F(CustomBodies, OfThousandsOfUnknownFieldsSomeAreNamed) {
  Json body = Json::parse(Body("example.com/v9"));
  body["metadata"].erase("odd");
  for (int i = 0; i < 1000; ++i) body["f" + std::to_string(i)] = i;
  EXPECT_EQ(Warnings(Post(path_, body.dump())).size(), crd::kUnknownFieldsMax);
}

}  // namespace
}  // namespace skiff
