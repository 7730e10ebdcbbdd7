// The same answers in protobuf, for the typed clients that ask for it first.
#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr const char* kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr const char* kPods = "/api/v1/namespaces/default/pods";

class ProtobufAnswersTest : public ServerFixture {
 protected:
  ProtobufAnswersTest() {
    Post(kPods, R"({"metadata": {"name": "a", "labels": {"l": "1"}},
                    "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  }
  Answer AskFor(const std::string& path, const std::string& accept = kProtobuf) {
    return Ask({.path = path, .accept = accept});
  }
  // What a decoder of that kind makes of an answer.
  static Json Decoded(const Type& type, std::string_view bytes, const TypeMeta& meta) {
    const auto envelope = OpenEnvelope(bytes);
    if (!envelope) return envelope.error().message;
    EXPECT_EQ(envelope->type, meta);
    auto document = DecodeProtobuf(type, envelope->raw);
    if (!document) return document.error().message;
    (*document)["kind"] = meta.kind;
    (*document)["apiVersion"] = meta.api_version;
    return *document;
  }
  // The fields of a message that only has byte fields: numbers and contents.
  static std::vector<std::pair<int, std::string>> Fields(std::string_view bytes) {
    const auto varint = [&bytes] {
      size_t value = 0;
      for (int shift = 0; !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes[0]);
        bytes.remove_prefix(1);
        value |= static_cast<size_t>(byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      return value;
    };
    std::vector<std::pair<int, std::string>> fields;
    while (!bytes.empty()) {
      const size_t tag = varint();
      EXPECT_EQ(tag & 7, 2u);
      const size_t length = varint();
      fields.emplace_back(static_cast<int>(tag >> 3), bytes.substr(0, length));
      bytes.remove_prefix(std::min(length, bytes.size()));
    }
    return fields;
  }
  // The watch events of a stream: type and object bytes.
  static std::vector<std::pair<std::string, std::string>> Frames(std::string_view bytes) {
    std::vector<std::pair<std::string, std::string>> frames;
    while (bytes.size() >= 4) {
      size_t length = 0;
      for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[i]);
      const auto event = Fields(bytes.substr(4, length));
      EXPECT_EQ(event.size(), 2u);
      const auto object = Fields(event.at(1).second);
      frames.emplace_back(event.at(0).second, object.at(0).second);
      bytes.remove_prefix(std::min(4 + length, bytes.size()));
    }
    EXPECT_TRUE(bytes.empty());
    return frames;
  }
};

TEST_F(ProtobufAnswersTest, AnObjectSaysTheSameInBothForms) {
  const auto answer = AskFor(std::string(kPods) + "/a");
  EXPECT_EQ(answer.response.content_type, kProtobuf);
  EXPECT_EQ(Decoded(core_v1::Pod::Describe(), answer.response.body, {"v1", "Pod"}),
            Get(std::string(kPods) + "/a").body);
}

TEST_F(ProtobufAnswersTest, AListHoldsItsItemsAndItsRevision) {
  Post(kPods,
       R"({"metadata": {"name": "b"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  const auto answer = AskFor(kPods);
  EXPECT_EQ(answer.response.content_type, kProtobuf);
  const auto envelope = OpenEnvelope(answer.response.body);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->type, (TypeMeta{"v1", "PodList"}));
  const auto fields = Fields(envelope->raw);
  const Json plain = Get(kPods).body;
  ASSERT_EQ(fields.size(), 3u);
  const auto meta = DecodeProtobuf(*FindBuiltInType("meta/v1", "ListMeta"), fields[0].second);
  EXPECT_EQ((*meta)["resourceVersion"], plain["metadata"]["resourceVersion"]);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(*DecodeProtobuf(core_v1::Pod::Describe(), fields[i + 1].second), plain["items"][i]);
  }
}

TEST_F(ProtobufAnswersTest, AnErrorIsAStatus) {
  const auto answer = AskFor(std::string(kPods) + "/none");
  EXPECT_EQ(answer.code, 404);
  EXPECT_EQ(answer.response.content_type, kProtobuf);
  const Json status = Decoded(meta_v1::Status::Describe(), answer.response.body, {"v1", "Status"});
  EXPECT_EQ(status["message"], "pods \"none\" not found");
  EXPECT_EQ(status["code"], 404);
}

TEST_F(ProtobufAnswersTest, AWatchIsARowOfFrames) {
  auto watch = AskFor(std::string(kPods) +
                          "?watch=1&allowWatchBookmarks=true&sendInitialEvents="
                          "true&resourceVersionMatch=NotOlderThan",
                      std::string(kProtobuf) + ";stream=watch");
  EXPECT_EQ(watch.response.content_type, "application/vnd.kubernetes.protobuf;stream=watch");
  watch.response.stream->Attach([] {});
  Merge(std::string(kPods) + "/a", R"({"metadata": {"labels": {"l": "2"}}})");
  Ask("DELETE", std::string(kPods) + "/a");
  const auto frames = Frames(Streamed(watch.response));
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_EQ(frames[0].first, "ADDED");
  EXPECT_EQ(frames[1].first, "BOOKMARK");
  EXPECT_EQ(frames[2].first, "MODIFIED");
  EXPECT_EQ(frames[3].first, "DELETED");
  for (size_t i = 0; i < 4; ++i) {
    const Json pod = Decoded(core_v1::Pod::Describe(), frames[i].second, {"v1", "Pod"});
    EXPECT_FALSE(pod["metadata"].value("resourceVersion", "").empty()) << pod;
    if (i == 1) continue;  // A bookmark has no labels.
    EXPECT_EQ(pod["metadata"]["labels"]["l"], i == 0 ? "1" : "2");
  }
}

TEST_F(ProtobufAnswersTest, AWatchThatIsTooOldEndsWithAStatus) {
  const auto compacted = store_->Compact(store_->Current());
  ASSERT_TRUE(compacted);
  auto watch = AskFor(std::string(kPods) + "?watch=1&resourceVersion=1");
  ASSERT_TRUE(watch.response.stream);
  watch.response.stream->Attach([] {});
  const auto frames = Frames(Streamed(watch.response));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].first, "ERROR");
  EXPECT_EQ(Decoded(meta_v1::Status::Describe(), frames[0].second, {"v1", "Status"})["code"], 410);
}

TEST_F(ProtobufAnswersTest, MetadataAloneTravelsToo) {
  const auto one = AskFor(std::string(kPods) + "/a",
                          std::string(kProtobuf) + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
  const Json partial = Decoded(meta_v1::PartialObjectMetadata::Describe(), one.response.body,
                               {"meta.k8s.io/v1", "PartialObjectMetadata"});
  EXPECT_EQ(partial["metadata"]["name"], "a");
  const auto list =
      AskFor(kPods, std::string(kProtobuf) + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  EXPECT_EQ(OpenEnvelope(list.response.body)->type,
            (TypeMeta{"meta.k8s.io/v1", "PartialObjectMetadataList"}));
}

TEST_F(ProtobufAnswersTest, ATableIsJsonWhateverComesFirst) {
  const std::string table = ";as=Table;g=meta.k8s.io;v=v1";
  const auto answer = AskFor(kPods, kProtobuf + table + ",application/json" + table);
  EXPECT_EQ(answer.response.content_type, "application/json");
  EXPECT_EQ(answer.body["kind"], "Table");
  EXPECT_EQ(AskFor(kPods, kProtobuf + table).code, 406);
}

TEST_F(ProtobufAnswersTest, TheVersionIsOneAnswerWhateverTheParameters) {
  EXPECT_EQ(AskFor("/version", "text/html, application/json;as=Table;sv=2").code, 200);
  EXPECT_EQ(AskFor("/version", "text/html;q=0.5").code, 406);
}

TEST_F(ProtobufAnswersTest, PagesOfOneFormAreWhatTheRouterTakes) {
  const auto code = [&](const char* path, const char* accept, const char* type = "") {
    return Ask({.method = "GET", .path = path, .body = "", .type = type, .accept = accept}).code;
  };
  std::string late = "a/b";
  for (int i = 0; i < 100; ++i) late += ",a/b";
  for (const char* taken : {"*/*;q=0", ",*/*", " application/json ,x"}) {
    EXPECT_EQ(code("/version", taken), 200) << taken;
    EXPECT_EQ(code("/.well-known/openid-configuration", taken), 200) << taken;
  }
  EXPECT_EQ(code("/version", (late + ",*/*").c_str()), 200);
  for (const char* refused :
       {";q=1", ",", "*", "application/*", "x,\tapplication/json", "Application/JSON", "a/b,"}) {
    EXPECT_EQ(code("/version", refused), 406) << refused;
    EXPECT_EQ(code("/.well-known/openid-configuration", refused), 406) << refused;
    EXPECT_EQ(code("/openid/v1/jwks", refused), 406) << refused;
  }
  EXPECT_EQ(code("/openid/v1/jwks", "*/*"), 200);
  EXPECT_EQ(code("/openid/v1/jwks", "x/application/jwk-set+json"), 406);
  EXPECT_EQ(code("/version", "*/*", "text/plain"), 415);
  EXPECT_EQ(code("/version", "*/*", "text/plain, application/json; charset=utf-8"), 200);
  EXPECT_EQ(code("/openid/v1/jwks", "*/*", "text/plain"), 200);
}

TEST_F(ProtobufAnswersTest, WhatIsSentInProtobufIsAnsweredInIt) {
  const Json pod = {{"metadata", {{"name", "made"}}},
                    {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}};
  const auto answer = Ask({.method = "POST",
                           .path = kPods,
                           .body = EncodeProtobuf(core_v1::Pod::Describe(), {"v1", "Pod"}, pod),
                           .type = kProtobuf,
                           .accept = std::string(kProtobuf) + ",application/json"});
  ASSERT_EQ(answer.code, 201) << answer.response.body;
  const Json made = Decoded(core_v1::Pod::Describe(), answer.response.body, {"v1", "Pod"});
  EXPECT_EQ(made["spec"]["restartPolicy"], "Always");
  const auto deleted = Ask(
      {.method = "DELETE", .path = "/api/v1/namespaces/default/pods/made", .accept = kProtobuf});
  EXPECT_EQ(deleted.response.content_type, kProtobuf);
}

TEST_F(ProtobufAnswersTest, DiscoveryTravelsToo) {
  const auto groups = AskFor("/apis");
  EXPECT_EQ(OpenEnvelope(groups.response.body)->type, (TypeMeta{"v1", "APIGroupList"}));
  const std::string aggregated =
      std::string(kProtobuf) + ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const auto all = AskFor("/apis", aggregated);
  EXPECT_EQ(all.response.content_type, aggregated);
  EXPECT_EQ(OpenEnvelope(all.response.body)->type,
            (TypeMeta{"apidiscovery.k8s.io/v2", "APIGroupDiscoveryList"}));
}

}  // namespace
}  // namespace skiff
