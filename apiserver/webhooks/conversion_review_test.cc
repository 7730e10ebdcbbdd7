#include "apiserver/webhooks/conversion_review.h"

#include <gtest/gtest.h>

#include "api/codec/document_bytes.h"
#include "base/id.h"

namespace skiff {
namespace {

const std::vector<Json>& Asked() {
  static const std::vector<Json> objects = {Json::parse(R"({
      "apiVersion": "g.io/v1", "kind": "Cron",
      "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "5",
                   "labels": {"l": "1"}, "generation": 3},
      "spec": {"a": 1}})")};
  return objects;
}
ConversionQuestion Question(std::string_view version = "v1") {
  return {version, "id", "g.io/v2", Asked()};
}

Json Converted() {
  Json object = Asked()[0];
  object["apiVersion"] = "g.io/v2";
  return object;
}

std::string Review(Json response) {
  return Json{{"apiVersion", "apiextensions.k8s.io/v1"},
              {"kind", "ConversionReview"},
              {"response", std::move(response)}}
      .dump();
}
std::string AnswerText(Json object) {
  return Review({{"uid", "id"},
                 {"result", {{"status", "Success"}}},
                 {"convertedObjects", Json::array({std::move(object)})}});
}
std::string Fault(const std::string& body, std::string_view version = "v1") {
  const auto read = ReadConversion(body, Question(version));
  return read ? "" : read.error().text;
}
// An answer whose object is changed by a merge patch.
std::string FaultOf(const char* patch) {
  Json object = Converted();
  object.merge_patch(Json::parse(patch));
  return Fault(AnswerText(std::move(object)));
}

TEST(ConversionReview, ShowsWhatIsStored) {
  const Json review = Json::parse(ConversionText(Question("v1beta1")));
  EXPECT_EQ(review["apiVersion"], "apiextensions.k8s.io/v1beta1");
  EXPECT_EQ(review["request"]["uid"], "id");
  EXPECT_EQ(review["request"]["desiredAPIVersion"], "g.io/v2");
  Json shown = Asked()[0];
  shown["metadata"].erase("resourceVersion");
  EXPECT_EQ(review["request"]["objects"], Json::array({shown}));
}

// It could not be written in that version, and readers would hold it.
TEST(ConversionReview, WhatIsLargerThanARequestIsRefused) {
  const auto with = [](size_t bytes) {
    Json object = Converted();
    object["spec"]["z"] = std::string(bytes, 'z');
    return Fault(AnswerText(std::move(object)));
  };
  EXPECT_EQ(with(kConvertedBytesMax - 1000), "");
  EXPECT_EQ(with(kConvertedBytesMax),
            "conversion webhook for g.io/v1, Kind=Cron returned invalid object at index 0: "
            "Request entity too large: limit is 3145728");
}

TEST(ConversionReview, OnlyLabelsAndAnnotationsOfTheMetadataChange) {
  Json object = Converted();
  object["spec"] = {{"b", 2}};
  object["metadata"]["labels"] = {{"l", "2"}};
  object["metadata"]["annotations"] = {{"x", "y"}};
  object["metadata"]["generation"] = 9;
  object["metadata"]["finalizers"] = {"f"};
  const auto read = ReadConversion(AnswerText(object), Question());
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ((*read)[0], Json::parse(R"({
      "apiVersion": "g.io/v2", "kind": "Cron",
      "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "5",
                   "labels": {"l": "2"}, "annotations": {"x": "y"}, "generation": 3},
      "spec": {"b": 2}})"));
  object["metadata"].erase("labels");
  EXPECT_FALSE((*ReadConversion(AnswerText(object), Question()))[0]["metadata"].contains("labels"));
}

TEST(ConversionReview, WhatIsNoObjectIsSaidInTheWordsOfGo) {
  EXPECT_EQ(Fault(AnswerText(nullptr)), "unexpected end of JSON input");
  const std::pair<Json, const char*> kFound[] = {
      {1, "number"}, {"x", "string"}, {true, "bool"}, {Json::array(), "array"}};
  for (const auto& [object, found] : kFound) {
    EXPECT_EQ(Fault(AnswerText(object)), "json: cannot unmarshal " + std::string(found) +
                                             " into Go value of type map[string]interface {}");
  }
}

TEST(ConversionReview, WhatIsWrongWithAnAnswerIsSaidInKubernetesWords) {
  const std::string failed = "conversion webhook for g.io/v1, Kind=Cron failed: ";
  EXPECT_EQ(Fault(R"({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1"})"),
            failed + "no response provided");
  EXPECT_EQ(Fault(R"({"kind": "Other", "apiVersion": "v1"})"),
            failed +
                "no kind \"Other\" is registered for version \"v1\" in scheme "
                "\"pkg/runtime/scheme.go:111\"");
  EXPECT_EQ(Fault("{}"), failed +
                             "expected webhook response of apiextensions.k8s.io/v1, "
                             "Kind=ConversionReview, got /, Kind=");
  EXPECT_EQ(Fault(Review({{"uid", 5}})), failed +
                                             "json: cannot unmarshal number into Go struct field "
                                             "ConversionResponse.response.uid of type types.UID");
  EXPECT_EQ(Fault(Review({{"uid", "id"}, {"result", {{"code", "5"}}}})),
            failed +
                "json: cannot unmarshal string into Go struct field "
                "Status.response.result.code of type int32");
  EXPECT_EQ(Fault(Review({{"uid", "other"}})),
            failed + "expected response.uid=\"id\", got \"other\"");
  EXPECT_EQ(Fault(Review({{"uid", "id"}})),
            failed + "response.result.status was '', not 'Success'");
  EXPECT_EQ(Fault(Review({{"uid", "id"}, {"result", {{"message", "no"}}}})), failed + "no");
  EXPECT_EQ(Fault(Review({{"uid", "id"}, {"result", {{"status", "Success"}}}})),
            "conversion webhook for g.io/v1, Kind=Cron returned 0 objects, expected 1");
  // The older review says less of itself, and so less is checked.
  EXPECT_EQ(Fault(R"({"response": {"result": {"status": "Failure"}}})", "v1beta1"),
            failed + "response.result.status was 'Failure', not 'Success'");
  for (const char* body : {"", "[]", "7", "null", R"({"response": []})"}) {
    EXPECT_TRUE(Fault(body).starts_with(failed)) << body;
  }
}

TEST(ConversionReview, WhatIsWrongWithAnObjectIsSaidInKubernetesWords) {
  const std::string returned = "conversion webhook for g.io/v1, Kind=Cron returned invalid ";
  EXPECT_EQ(FaultOf(R"({"apiVersion": "g.io/v3"})"),
            returned + "object at index 0: invalid groupVersion (expected g.io/v2, received "
                       "g.io/v3)");
  EXPECT_EQ(FaultOf(R"({"apiVersion": null})"),
            returned + "object at index 0: invalid groupVersion (expected g.io/v2, received )");
  EXPECT_EQ(FaultOf(R"({"kind": "Other"})"),
            returned + "object at index 0: invalid kind (expected Cron, received Other)");
  EXPECT_EQ(FaultOf(R"({"metadata": {"name": "b"}})"),
            returned + "object: must have the same name: a != b");
  EXPECT_EQ(FaultOf(R"({"metadata": {"namespace": null}})"),
            returned + "object: must have the same namespace: n != ");
  EXPECT_EQ(FaultOf(R"({"metadata": {"uid": "x"}})"),
            returned + "object: must have the same UID: u != x");
  EXPECT_EQ(FaultOf(R"({"metadata": {"labels": "x"}})"),
            returned + "metadata: invalid metadata.labels of type string in converted object");
  EXPECT_EQ(FaultOf(R"({"metadata": {"labels": {"a": 1}}})"),
            returned + "metadata: metadata.labels[a] must be a string, but is int64 in converted "
                       "object");
  EXPECT_TRUE(FaultOf(R"({"metadata": {"labels": {"-a": "x"}}})")
                  .starts_with(returned + "metadata: metadata.labels: Invalid value: \"-a\""));
  EXPECT_EQ(Fault(AnswerText(nullptr)), "unexpected end of JSON input");
}

TEST(ConversionReview, WhatIsConvertedIsBoundedByWhatWasSent) {
  const auto with = [](const char* name, int count) {
    Json answer = Json::parse(AnswerText(Converted()));
    Json& list = answer["response"]["convertedObjects"][0]["spec"][name];
    for (int i = 0; i < count; ++i) list.push_back(Json::object());
    return answer;
  };
  EXPECT_EQ(Fault(with("l", 10'000).dump()), "");
  const std::string fault = Fault(with("l", 100'000).dump());
  EXPECT_TRUE(
      fault.starts_with("conversion webhook for g.io/v1, Kind=Cron failed: the answer "
                        "takes more than 4"))
      << fault;
  Json unread = with("l", 1);
  unread["more"] = unread["response"]["more"] = with("l", 100'000)["response"]["convertedObjects"];
  EXPECT_EQ(Fault(unread.dump()), "");
}

// While the webhook takes its time, an object holds no more than its metadata.
TEST(ConversionReview, AnAnswerIsHeldAgainstWhatIsLeftOfTheObjectsThatWereSent) {
  std::vector<Json> whole = Asked();
  for (int i = 0; i < 20'000; ++i) whole[0]["spec"]["l"].push_back(Json::array());
  std::vector<Json> left = whole;
  const size_t shed = ShedContents(left);
  EXPECT_EQ(left[0].size(), 3u) << left[0];
  EXPECT_EQ(left[0]["metadata"], whole[0]["metadata"]);
  EXPECT_EQ(DocumentBytes(left[0]) + shed, DocumentBytes(whole[0]));
  for (const int count : {10, 300'000, 2'000'000}) {
    Json answer = Json::parse(AnswerText(Converted()));
    Json& list = answer["response"]["convertedObjects"][0]["spec"]["l"];
    for (int i = 0; i < count; ++i) list.push_back(0);
    const std::string body = answer.dump();
    const auto expected = ReadConversion(body, {"v1", "id", "g.io/v2", whole});
    const auto read = ReadConversion(body, {"v1", "id", "g.io/v2", left, shed});
    ASSERT_EQ(read.has_value(), expected.has_value()) << count;
    if (read) {
      EXPECT_EQ(*read, *expected) << count;
    } else {
      EXPECT_EQ(read.error().text, expected.error().text) << count;
    }
  }
}

TEST(ConversionReview, WhateverComesBackIsReadOrRefused) {
  const std::string whole = AnswerText(Converted());
  SeededRandom random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string body = whole;
    for (uint64_t edits = 1 + random.Below(4); edits > 0; --edits) {
      const size_t at = random.Below(body.size());
      if (random.Below(2) == 0) {
        body[at] = "{}[]\",:0x"[random.Below(9)];
      } else {
        body.erase(at, 1 + random.Below(12));
      }
    }
    const auto read = ReadConversion(body, Question());
    if (!read) continue;
    ASSERT_EQ(read->size(), 1u) << body;
    const Json& object = (*read)[0];
    EXPECT_EQ(object["apiVersion"], "g.io/v2") << body;
    EXPECT_EQ(object["kind"], "Cron") << body;
    EXPECT_EQ(object["metadata"]["uid"], "u") << body;
    EXPECT_EQ(object["metadata"]["generation"], 3) << body;
  }
}

}  // namespace
}  // namespace skiff
