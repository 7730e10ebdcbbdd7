#include "apiserver/objects/etcd_objects.h"

#include <gtest/gtest.h>

#include "api/codec/protobuf.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"
#include "apiserver/storage/etcd_values.h"

namespace skiff {
namespace {

// What the store holds after a write of the record at revision 7.
std::string Readable(const StoredObject& stored) {
  std::string value = stored.value;
  return value.insert(stored.revision_at, "7");
}

struct Sample {
  const char* api_version;
  const char* kind;
  const char* metadata;
};

class EtcdObjects : public testing::TestWithParam<Sample> {
 protected:
  EtcdObjects() : kind_(*FindKind(GetParam().api_version, GetParam().kind)) {
    document_ = {{"apiVersion", GetParam().api_version},
                 {"kind", GetParam().kind},
                 {"metadata", Json::parse(GetParam().metadata)}};
  }
  const KindInfo& kind_;
  Json document_;
};

TEST_P(EtcdObjects, ARecordComesBackAsItWasWritten) {
  const auto stored = EncodeForStore(kind_, document_);
  ASSERT_TRUE(stored);
  const std::string bytes = ToEtcd(stored->value, stored->revision_at);
  EXPECT_EQ(bytes.front(), '{');
  EXPECT_FALSE(Json::parse(bytes)["metadata"].contains("resourceVersion"));
  EXPECT_EQ(FromEtcd(bytes, Revision{7}, RecordValueFromEtcd), Readable(*stored));
}

TEST_P(EtcdObjects, TheOrderOfMembersDoesNotMatter) {
  const auto stored = EncodeForStore(kind_, document_);
  EXPECT_EQ(RecordValueFromEtcd(document_.dump(), Revision{7}), Readable(*stored));
}

TEST_P(EtcdObjects, ProtobufIsReadAsWell) {
  const auto stored = EncodeForStore(kind_, document_);
  const std::string bytes =
      EncodeProtobuf(*kind_.type, {GetParam().api_version, GetParam().kind}, document_);
  const auto value = RecordValueFromEtcd(bytes, Revision{7});
  ASSERT_TRUE(value);
  const auto from_protobuf = ObjectView::Of(*value);
  const std::string written = Readable(*stored);
  const auto from_json = ObjectView::Of(written);
  EXPECT_EQ(from_protobuf->uid(), from_json->uid());
  EXPECT_EQ(from_protobuf->label("app"), from_json->label("app"));
  EXPECT_EQ(Json::parse(from_protobuf->body())["metadata"],
            Json::parse(from_json->body())["metadata"]);
}

TEST_P(EtcdObjects, ALargeOneLiesThereAsProtobuf) {
  document_["metadata"]["annotations"]["long"] = std::string(700'000, '\n');
  const auto stored = EncodeForStore(kind_, document_);
  ASSERT_TRUE(stored);
  const std::string bytes = ToEtcd(stored->value, stored->revision_at, ProtobufForEtcd);
  EXPECT_LT(bytes.size(), 710'000u);
  EXPECT_TRUE(bytes.starts_with(std::string_view("k8s\0", 4)));
  const std::string read = FromEtcd(bytes, Revision{7}, RecordValueFromEtcd);
  const std::string written = Readable(*stored);
  const auto then = ObjectView::Of(written), now = ObjectView::Of(read);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->uid(), then->uid());
  EXPECT_TRUE(Json::parse(now->body())["metadata"] == Json::parse(then->body())["metadata"]);
  EXPECT_EQ(ProtobufForEtcd(R"({"apiVersion": "x.io/v1", "kind": "Foo", "metadata": {}})"),
            std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EtcdObjects,
    testing::Values(
        Sample{"v1", "ConfigMap", R"({"name": "m", "uid": "u1", "labels": {"app": "web"}})"},
        Sample{"v1", "Pod", R"({"name": "p", "namespace": "d", "annotations": {"a": "\"q\"\\"}})"},
        Sample{"apps/v1", "Deployment", R"({"name": "é", "generation": 3})"}),
    [](const auto& info) { return info.param.kind; });

TEST(EtcdObjectsOfOthers, CustomResourcesKeepTheirText) {
  const auto value = RecordValueFromEtcd(
      R"({"apiVersion":"a.example/v1","kind":"Thing","metadata":{"labels":{"a":"b"},"uid":"u"}})",
      Revision{7});
  ASSERT_TRUE(value);
  const auto view = ObjectView::Of(*value);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->label("a"), "b");
  EXPECT_EQ(view->uid(), "u");
  EXPECT_EQ(Json::parse(view->body())["metadata"]["resourceVersion"], "7");
}

TEST(EtcdObjectsOfOthers, BlanksInTheMetadataDoNoHarm) {
  for (const char* metadata : {"{}", "{ }", "{\n\t}", R"({ "name":"m" })", R"({ "labels":{ } })",
                               R"({"name":"m" , "labels":{}})"}) {
    const auto value = RecordValueFromEtcd(
        std::string(R"({"kind":"ConfigMap","apiVersion":"v1","metadata":)") + metadata + "}",
        Revision{7});
    ASSERT_TRUE(value) << metadata;
    const auto view = ObjectView::Of(*value);
    ASSERT_TRUE(view) << metadata;
    const Json body = Json::parse(view->body(), nullptr, false);
    ASSERT_TRUE(body.is_object()) << view->body();
    EXPECT_EQ(body["metadata"]["resourceVersion"], "7") << view->body();
  }
}

// Who else writes into the same etcd may nest without end; what follows walks a document in depth.
TEST(EtcdObjectsOfOthers, WhatIsNestedTooDeeplyIsNotRead) {
  const auto nested = [](size_t depth) {
    return R"({"kind":"Thing","apiVersion":"a.example/v1","metadata":{},"spec":)" +
           std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(RecordValueFromEtcd(nested(9000), Revision{7}));
  EXPECT_FALSE(RecordValueFromEtcd(nested(10'000), Revision{7}));
  EXPECT_FALSE(RecordValueFromEtcd(nested(1'000'000), Revision{7}));
}

TEST(EtcdObjectsOfOthers, WhatIsNoObjectIsNotRead) {
  for (const std::string& bytes :
       {std::string("{"), std::string("{}"), std::string("[]"), std::string("k8s\0\xff", 5),
        std::string(R"({"kind":"Pod","apiVersion":1,"metadata":{}})"),
        std::string(R"({"kind":"Pod","apiVersion":"v1","metadata":[]})")}) {
    EXPECT_FALSE(RecordValueFromEtcd(bytes, Revision{7})) << bytes;
  }
}

}  // namespace
}  // namespace skiff
