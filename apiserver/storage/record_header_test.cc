#include "apiserver/storage/record_header.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

// As the store does at the commit.
std::string Commit(StoredObject stored, std::string_view revision) {
  if (stored.revision_at != std::string::npos) stored.value.insert(stored.revision_at, revision);
  return stored.value;
}

StoredObject Stored(const ObjectBody& body) {
  const std::vector<NamedText> labels = {{"app", "web"}, {"tier", ""}};
  const std::vector<NamedText> fields = {{"metadata.name", "a"}, {"spec.nodeName", "n1"}};
  return EncodeObject({.labels = labels, .fields = fields, .uid = "u-1", .body = body});
}

TEST(BodyOf, LeavesAPlaceForTheRevision) {
  auto body = BodyOf(Json::parse(R"({"a":1,"metadata":{"name":"x"},"spec":{"b":[2]}})"));
  ASSERT_NE(body.revision_at, std::string::npos);
  EXPECT_EQ(body.text, R"({"a":1,"metadata":{"name":"x","resourceVersion":""},"spec":{"b":[2]}})");
  body.text.insert(body.revision_at, "42");
  EXPECT_EQ(Json::parse(body.text)["metadata"]["resourceVersion"], "42");
}

TEST(BodyOf, ReplacesTheRevisionThatTheObjectHad) {
  const auto body = BodyOf(Json::parse(R"({"metadata":{"resourceVersion":"7","uid":"u"}})"));
  EXPECT_EQ(body.text, R"({"metadata":{"resourceVersion":"","uid":"u"}})");
  EXPECT_EQ(body.text.substr(0, body.revision_at), R"({"metadata":{"resourceVersion":")");
}

TEST(BodyOf, TextThatLooksLikeThePlaceDoesNotConfuseIt) {
  const auto object =
      Json::parse(R"({"data":{"k":"\"resourceVersion\":\"\""},)"
                  R"("metadata":{"annotations":{"resourceVersion":""},"name":"é\u0001\"x"}})");
  auto body = BodyOf(object);
  body.text.insert(body.revision_at, "9");
  auto expected = object;
  expected["metadata"]["resourceVersion"] = "9";
  EXPECT_EQ(Json::parse(body.text), expected);
}

TEST(BodyOf, AnObjectWithoutMetadataHasNoPlace) {
  for (const char* text : {R"({})", R"({"metadata":3})", R"([1])", R"("x")"}) {
    const auto body = BodyOf(Json::parse(text));
    EXPECT_EQ(body.revision_at, std::string::npos);
    EXPECT_EQ(body.text, text);
  }
  EXPECT_EQ(BodyOf(Json::parse(R"({"metadata":{}})")).text,
            R"({"metadata":{"resourceVersion":""}})");
}

TEST(BodyOf, InvalidUtf8IsReplacedAndNotThrown) {
  const Json object = {{"metadata", {{"name", "a\xff"}}}};
  EXPECT_EQ(BodyOf(object).text,
            "{\"metadata\":{\"name\":\"a\xEF\xBF\xBD\",\"resourceVersion\":\"\"}}");
}

TEST(ObjectView, ReadsWhatWasEncodedAfterTheRevisionWasInserted) {
  const auto body = BodyOf(Json::parse(R"({"metadata":{"name":"a"},"z":"behind"})"));
  const std::string value = Commit(Stored(body), "123456");
  const auto view = ObjectView::Of(value);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->uid(), "u-1");
  EXPECT_EQ(view->label("app"), "web");
  EXPECT_EQ(view->label("tier"), "");
  EXPECT_EQ(view->label("spec.nodeName"), std::nullopt);
  EXPECT_EQ(view->field("spec.nodeName"), "n1");
  EXPECT_EQ(view->field("app"), std::nullopt);
  EXPECT_EQ(view->body(), R"({"metadata":{"name":"a","resourceVersion":"123456"},"z":"behind"})");
  std::vector<std::string> names;
  view->ForEachLabel([&](NamedText label) { names.emplace_back(label.name); });
  EXPECT_EQ(names, (std::vector<std::string>{"app", "tier"}));
}

TEST(EncodeObject, ReservesWhatTheRecordWillHold) {
  const std::string name(300, 'n'), value(300, 'v');
  const std::vector<NamedText> pairs = {{name, value}, {value, name}};
  const ObjectBody body = BodyOf({{"metadata", {{"name", std::string(4000, 'x')}}}});
  StoredObject stored =
      EncodeObject({.labels = pairs, .fields = pairs, .uid = "u1", .body = body});
  const size_t reserved = stored.value.capacity();
  EXPECT_LE(reserved, stored.value.size() + 20);
  stored.value.insert(stored.revision_at, std::to_string(UINT64_MAX));
  EXPECT_EQ(stored.value.capacity(), reserved) << "no revision makes it grow";
}

TEST(ObjectView, GivesTheBodyAnotherRevision) {
  const auto body = BodyOf(Json::parse(R"({"metadata":{"name":"a"},"z":1})"));
  const std::string value = Commit(Stored(body), "9");
  const auto view = ObjectView::Of(value);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->pieces().revision, "9");
  EXPECT_EQ(view->BodyAt(Revision{10}),
            R"({"metadata":{"name":"a","resourceVersion":"10"},"z":1})");
}

TEST(ObjectView, ABodyWithoutAPlaceIsGivenAsItIs) {
  const StoredObject stored = EncodeObject({.uid = "", .body = {.text = "[1]"}});
  EXPECT_EQ(stored.revision_at, std::string::npos);
  const auto view = ObjectView::Of(stored.value);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->BodyAt(Revision{10}), "[1]");
  EXPECT_EQ(view->pieces().before, "[1]");
}

TEST(ObjectView, EveryTruncatedOrForeignValueIsRefused) {
  const auto body = BodyOf(Json::parse(R"({"metadata":{}})"));
  const std::string value = Commit(Stored(body), "5");
  const size_t header_size = value.size() - ObjectView::Of(value)->body().size();
  for (size_t size = 0; size < header_size; ++size) {
    const auto view = ObjectView::Of(std::string_view(value).substr(0, size));
    ASSERT_FALSE(view) << size;
    EXPECT_EQ(view.error().reason, Reason::kInternalError);
  }
  std::string newer = value;
  newer[0] = 2;
  EXPECT_FALSE(ObjectView::Of(newer));
  // A size in the header that points elsewhere.
  for (size_t at = 1; at < header_size; ++at) {
    std::string damaged = value;
    damaged[at] = '\x7f';
    // Either answer will do; it must not read out of bounds.
    const auto view = ObjectView::Of(damaged);
    EXPECT_TRUE(!view || view->body().size() < damaged.size());
  }
}

}  // namespace
}  // namespace skiff
