#include "api/codec/protobuf.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/sample_document.h"
#include "api/codec/struct_ptr.h"
#include "api/codec/typed.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

// Protobuf leaves kind and apiVersion to the envelope, and knows nothing of embedded ones.
void EraseTypeMeta(const Type& type, Json& value) {
  if (value.is_array()) {
    for (Json& item : value) EraseTypeMeta(*type.element, item);
  } else if (type.shape == Shape::kMap && value.is_object()) {
    for (auto& item : value.items()) EraseTypeMeta(*type.element, item.value());
  } else if (type.shape == Shape::kStruct && value.is_object()) {
    if (type.type_meta) {
      value.erase("kind");
      value.erase("apiVersion");
    }
    for (const Field& field : type.fields) {
      const auto member = value.find(std::string(field.name));
      if (member != value.end()) EraseTypeMeta(*field.type, *member);
    }
  }
}

TEST(Protobuf, EveryTypeWithNumbersSurvivesTheRoundTrip) {
  size_t types = 0;
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct || type->by_number.size() != type->fields.size()) continue;
    ++types;
    for (Json document : {SampleDocument(*type, 1), ZeroDocument(*type)}) {
      EraseTypeMeta(*type, document);
      const std::string bytes = EncodeProtobuf(*type, {"v1", "X"}, document);
      const auto envelope = OpenEnvelope(bytes);
      ASSERT_TRUE(envelope) << type->name;
      EXPECT_EQ(envelope->type, (TypeMeta{"v1", "X"}));
      const auto decoded = DecodeProtobuf(*type, envelope->raw);
      ASSERT_TRUE(decoded) << type->name << ": " << decoded.error().message;
      EXPECT_EQ(*decoded, document) << type->api_version << " " << type->name;
    }
  }
  EXPECT_GT(types, 500);
}

TEST(Protobuf, StructsTravelAsTheirDocumentsDo) {
  size_t types = 0;
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct || type->by_number.size() != type->fields.size()) continue;
    if (type->ops == nullptr) continue;
    ++types;
    for (const Json& document :
         {SampleDocument(*type, 1), SampleDocument(*type, 2), ZeroDocument(*type)}) {
      const StructPtr object = MakeStruct(*type);
      ASSERT_TRUE(FromJson(*type, document, object.get())) << type->name;
      const std::string bytes = EncodeStructProtobuf(*type, {"v1", "X"}, object.get());
      EXPECT_EQ(Hex(bytes), Hex(EncodeProtobuf(*type, {"v1", "X"}, document)))
          << type->api_version << " " << type->name;
      const auto envelope = OpenEnvelope(bytes);
      ASSERT_TRUE(envelope);
      const StructPtr decoded = MakeStruct(*type);
      const auto read = DecodeProtobufInto(*type, envelope->raw, decoded.get());
      ASSERT_TRUE(read) << type->name << ": " << read.error().message;
      Json before = ToJson(*type, object.get()), after = ToJson(*type, decoded.get());
      EraseTypeMeta(*type, before);
      EraseTypeMeta(*type, after);
      EXPECT_EQ(after, before) << type->api_version << " " << type->name;
    }
  }
  EXPECT_GT(types, 500);
}

// Go's messages are read so, too: parts of one that come apart are put together, and the last entry
// of a map with a key wins.
TEST(Protobuf, PartsOfAMessageAreReadTogether) {
  const auto read = [](std::string_view bytes) {
    core_v1::Pod pod;
    EXPECT_TRUE(DecodeProtobufInto(core_v1::Pod::Describe(), bytes, &pod));
    return pod;
  };
  using namespace std::string_view_literals;
  const core_v1::Pod pod = read(
      "\x0a\x03\x0a\x01n\x0a\x04\x1a\x02ns"
      "\x0a\x08\x5a\x06\x0a\x01k\x12\x01"
      "a\x0a\x08\x5a\x06\x0a\x01k\x12\x01"
      "b"sv);
  EXPECT_EQ(pod.metadata.name, "n");
  EXPECT_EQ(pod.metadata.namespace_, "ns");
  EXPECT_EQ(pod.metadata.labels, (std::map<std::string, std::string>{{"k", "b"}}));
  EXPECT_EQ(read("\x0a\x03\x0a\x01\xff"sv).metadata.name, "\ufffd") << "what is no UTF-8";
  core_v1::Pod cut;
  EXPECT_FALSE(DecodeProtobufInto(core_v1::Pod::Describe(), "\x0a\x05\x0a"sv, &cut));
}

// What came before it is not what a field says that came as another type.
TEST(Protobuf, FieldsOfAnotherWireTypeAreRefused) {
  using namespace std::string_view_literals;
  const auto error = [](const Type& type, std::string_view bytes) {
    const StructPtr object = MakeStruct(type);
    const auto read = DecodeProtobufInto(type, bytes, object.get());
    return read ? std::string() : read.error().message;
  };
  const Type& meta = meta_v1::ObjectMeta::Describe();
  EXPECT_EQ(error(meta, "\x0a\x01n\x18\x05"sv), "proto: wrong wireType = 0 for field 3");
  EXPECT_EQ(error(meta, "\x38\x07\x52\x01x"sv), "proto: wrong wireType = 2 for field 10");
  EXPECT_EQ(error(meta, "\x58\x01"sv), "proto: wrong wireType = 0 for field 11") << "a map";
  EXPECT_EQ(error(meta, "\x0a\x01n\x38\x07"sv), "");
  // Numbers of a list may stand together.
  core_v1::PodSecurityContext context;
  ASSERT_TRUE(DecodeProtobufInto(core_v1::PodSecurityContext::Describe(),
                                 "\x20\x01\x22\x03\x02\xac\x02"sv, &context));
  EXPECT_EQ(context.supplemental_groups, (std::vector<int64_t>{1, 2, 300}));
}

// Two bytes of a body are a kilobyte of memory otherwise.
TEST(Protobuf, ListsOfNothingAreBounded) {
  std::string containers;
  for (int i = 0; i < 300'000; ++i) containers += {'\x12', '\x00'};
  core_v1::PodSpec spec;
  const auto read = DecodeProtobufInto(core_v1::PodSpec::Describe(), containers, &spec);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "exceeded max number of listed objects");
  containers.resize(100'000);
  core_v1::PodSpec fewer;
  EXPECT_TRUE(DecodeProtobufInto(core_v1::PodSpec::Describe(), containers, &fewer));
  EXPECT_EQ(fewer.containers.size(), 50'000);
}

TEST(Protobuf, FieldsHeldByValueAreWrittenEvenWhenEmpty) {
  const std::string bytes = EncodeProtobuf(core_v1::ConfigMap::Describe(), {"v1", "ConfigMap"},
                                           *ParseJson(R"({"metadata":{"name":"a"},
                                           "data":{"b":"2","a":"1"}})"));
  EXPECT_EQ(Hex(bytes),
            "6b387300"  // The magic.
            "0a0f"
            "0a02"
            "7631"
            "1209"
            "436f6e6669674d6170"  // {1: {1: v1, 2: ConfigMap}
            "1223"                // 2: the object.
            "0a11"                // metadata
            "0a0161"
            "1200"
            "1a00"
            "2200"
            "2a00"
            "3200"
            "3800"
            "4200"  // name ... creationTimestamp
            "12060a0161120131"
            "12060a0162120132"  // data, sorted
            "1a00"
            "2200");
}

TEST(Protobuf, WhatHasAnotherShapeThanItsFieldIsItsZero) {
  const auto encoded = [](const char* spec) {
    return Hex(EncodeProtobuf(core_v1::Pod::Describe(), {"v1", "Pod"},
                              {{"metadata", Json::object()}, {"spec", *ParseJson(spec)}}));
  };
  EXPECT_EQ(encoded(R"({"priority": 1e300, "nodeName": 7, "containers": {"a": 1}})"),
            encoded(R"({"priority": 0, "nodeName": "", "containers": []})"));
}

TEST(Protobuf, ScalarsOfTheirOwn) {
  const Json service = *ParseJson(R"({"metadata":{},"spec":{"ports":[
      {"port":80,"targetPort":"web"},{"port":-1,"targetPort":8080}]},"status":{"loadBalancer":{}}})");
  const std::string bytes =
      EncodeProtobuf(core_v1::Service::Describe(), {"v1", "Service"}, service);
  EXPECT_EQ(*DecodeProtobuf(core_v1::Service::Describe(), OpenEnvelope(bytes)->raw), service);
}

TEST(Protobuf, ListsAndWatchFrames) {
  const Json list = *ParseJson(R"({"metadata":{"resourceVersion":"7"},"items":[
      {"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})");
  const std::string bytes =
      EncodeProtobufList(core_v1::ConfigMap::Describe(), {"v1", "ConfigMapList"}, list);
  EXPECT_EQ(OpenEnvelope(bytes)->type.kind, "ConfigMapList");
  EXPECT_NE(bytes.find("\x12\x01"
                       "7"),
            std::string::npos);
  const std::string frame = EncodeWatchFrame("ADDED", "xyz");
  EXPECT_EQ(Hex(frame),
            "0000000e"
            "0a054144444544"
            "1205"
            "0a0378797a");
}

TEST(Protobuf, WhatIsNoObjectIsRefused) {
  EXPECT_EQ(OpenEnvelope("hello").error().message,
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 "
            "0]");
  EXPECT_EQ(OpenEnvelope("").error().message, "empty data");
  EXPECT_EQ(OpenEnvelope(std::string_view("k8s\0", 4)).error().message, "empty body");
  EXPECT_FALSE(DecodeProtobuf(core_v1::Pod::Describe(), "\x0a\x7f"));
  EXPECT_FALSE(DecodeProtobuf(core_v1::Pod::Describe(), "\x08\x01"));
  EXPECT_TRUE(DecodeProtobuf(core_v1::Pod::Describe(), "\x78\x01"));  // Unknown field 15.
}

TEST(Protobuf, GroupsArePassedOver) {
  const auto decodes = [](std::string_view bytes) {
    return DecodeProtobuf(core_v1::ConfigMap::Describe(), bytes).has_value();
  };
  EXPECT_TRUE(decodes("\x7b\x08\x01\x7c"));          // Group 15 with a number in it.
  EXPECT_TRUE(decodes("\x7b\x0b\x0c\x7c\x78\x01"));  // With a group in it; a number after it.
  EXPECT_FALSE(decodes("\x7b\x08\x01"));             // Without an end.
  EXPECT_FALSE(decodes("\x7c"));                     // Without a beginning.
  EXPECT_FALSE(decodes("\x7b\x0b\x7c\x0c"));         // Ends that cross.
  EXPECT_FALSE(decodes(std::string(100'000, '\x7b')));
}

}  // namespace
}  // namespace skiff
