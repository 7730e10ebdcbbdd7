#include "apiserver/webhooks/answer_text.h"

#include <gtest/gtest.h>

#include "api/text/utf8.h"

namespace skiff {
namespace {

TEST(AnswerText, ABeginningIsOfWholeCharacters) {
  EXPECT_EQ(BeginningOf("short"), "short");
  for (const size_t before : {0, 1, 2, 3}) {
    std::string text(before, 'a');
    while (text.size() < 3 * kWebhookTextBytesMax) text += "\xf0\x9f\x98\x80";
    const std::string_view begin = BeginningOf(text);
    EXPECT_TRUE(IsUtf8(begin)) << before;
    EXPECT_LE(begin.size(), kWebhookTextBytesMax);
    EXPECT_GT(begin.size(), kWebhookTextBytesMax - 4);
  }
  EXPECT_GT(BeginningOf(std::string(3000, '\x80')).size(), kWebhookTextBytesMax - 4);
}

TEST(AnswerText, KindsAreShownAsGoShowsThem) {
  EXPECT_EQ(KindInGo(Json::parse(R"({"apiVersion": "g.io/v1", "kind": "K"})")), "g.io/v1, Kind=K");
  EXPECT_EQ(KindInGo(Json::parse(R"({"apiVersion": "v1", "kind": "K"})")), "/v1, Kind=K");
  EXPECT_EQ(KindInGo(Json::object()), "/, Kind=");
}

TEST(AnswerText, AStatusIsPreferredToTheCode) {
  const std::string json = "application/json; charset=utf-8";
  const std::string status = R"({"kind": "Status", "status": "Failure", "message": "mine"})";
  EXPECT_EQ(UnexpectedAnswer(404, json, status), "mine");
  EXPECT_EQ(UnexpectedAnswer(500, json, status), "mine");
  EXPECT_EQ(UnexpectedAnswer(500, "", R"({"status": "Failure", "message": "old"})"), "old");
  constexpr const char* kMissing = "the server could not find the requested resource";
  EXPECT_EQ(UnexpectedAnswer(404, "text/plain", status), "mine") << "by what it is alone";
  EXPECT_EQ(UnexpectedAnswer(404, "text/plain", "status: Failure\nmessage: in YAML\n"), "in YAML");
  for (const char* other : {R"({"kind": "Status", "status": "Success", "message": "m"})",
                            R"({"kind": "Pod", "status": "Failure", "message": "m"})",
                            R"({"kind": "Status", "apiVersion": "g.io/v1", "status": "Failure"})",
                            R"({"status": "Failure", "message": 7})", "[]", "no", ""}) {
    EXPECT_EQ(UnexpectedAnswer(404, json, other), kMissing) << other;
  }
}

// Go's clients look at what an answer begins with, not at what it is called.
TEST(AnswerText, ReviewsMayBeYaml) {
  constexpr ResponseField kFields[] = {
      {"uid", [](const Json& value) { return value.is_string(); }, "types.UID"},
      {"is", [](const Json& value) { return value.is_boolean(); }, "bool"}};
  const ReviewType type{"g.io", "v1", "Review", "Response", kFields};
  const auto read = [&](std::string_view body) { return ReadAnswer(body, type); };
  const Json review = Json::parse(
      R"({"apiVersion": "g.io/v1", "kind": "Review", "response": {"uid": "u", "is": true}})");
  for (const char* same :
       {R"(
 {"apiVersion": "g.io/v1", "kind": "Review", "response": {"uid": "u", "is": true}})",
        "apiVersion: g.io/v1\nkind: Review\nresponse:\n  uid: u\n  is: yes\n",
        "---\n{apiVersion: g.io/v1, kind: Review, response: {uid: u, is: true}}\n"}) {
    const auto same_review = read(same);
    ASSERT_TRUE(same_review) << same << same_review.error().message;
    EXPECT_EQ(*same_review, review) << same;
  }
  const auto why = [&](std::string_view body) { return read(body).error().message; };
  EXPECT_TRUE(why("{a: b}").starts_with("couldn't get version/kind; json parse error: invalid"));
  EXPECT_TRUE(why("a: b: c").starts_with("yaml: "));
  const std::string comment(kYamlAnswerBytesMax, '#');
  EXPECT_TRUE(read(comment.substr(60) + "\nkind: Review")) << "of that length it may be";
  EXPECT_EQ(why(comment + "\nkind: Review"), "the answer is no JSON, and longer than 262144 bytes");
  EXPECT_EQ(why("kind: Other"),
            "no kind \"Other\" is registered for version \"g.io/v1\" in scheme "
            "\"pkg/runtime/scheme.go:111\"");
}

TEST(AnswerText, WhatNobodyLooksAtIsNotKept) {
  constexpr ResponseField kFields[] = {
      {"uid", [](const Json& value) { return value.is_string(); }, "types.UID"}};
  const ReviewType type{"g.io", "v1", "Review", "Response", kFields};
  const auto read = ReadAnswer(
      R"({"kind": "Review", "z": [{}, {}], "response": {"uid": "u", "more": [{}]}})", type);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, Json::parse(R"({"kind": "Review", "response": {"uid": "u"}})"));
  std::string many = "[";
  for (int i = 0; i < 500'000; ++i) many += "{},";
  const std::string status = R"({"kind": "Status", "status": "Failure", "message": "m", )";
  EXPECT_EQ(UnexpectedAnswer(409, "", status + R"("z": )" + many + "0]}"), "m");
  EXPECT_EQ(UnexpectedAnswer(409, "", status + R"("details": )" + many + "0]}"),
            "the server reported a conflict")
      << "too much for what a Status says";
}

TEST(AnswerText, WhatIsNoStatusIsSaidInTheWordsOfItsCode) {
  EXPECT_EQ(UnexpectedAnswer(403, "text/plain", " no\n"), "no");
  EXPECT_EQ(UnexpectedAnswer(403, "application/json", "no"), "unknown");
  EXPECT_EQ(UnexpectedAnswer(415, "text/plain", "send JSON"), "send JSON");
  EXPECT_EQ(UnexpectedAnswer(406, "text/plain", "take JSON"), "take JSON");
  EXPECT_EQ(UnexpectedAnswer(406, "application/json", "{}"),
            "the server was unable to respond with a content type that the client supports");
  EXPECT_EQ(UnexpectedAnswer(500, "text/plain", "oh\n"),
            "an error on the server (\"oh\") has prevented the request from succeeding");
  EXPECT_EQ(UnexpectedAnswer(302, "", ""),
            "the server responded with the status code 302 but did not return more information");
}

}  // namespace
}  // namespace skiff
