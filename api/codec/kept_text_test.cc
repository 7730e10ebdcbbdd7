#include "api/codec/kept_text.h"

#include <gtest/gtest.h>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "api/gen/apiextensions_v1.h"

namespace skiff {
namespace {

using apiextensions_v1::CustomResourceValidation;

const Type& Holder() {
  return CustomResourceValidation::Describe();
}

// What is wrong with the text, or what is kept of it.
std::string KeptOf(std::string_view text, FieldValidation validation = FieldValidation::kStrict) {
  CustomResourceValidation held;
  const auto notes = DecodeStruct(Holder(), text, validation, &held);
  if (!notes) return notes.error().message;
  if (!notes->strict_errors.empty()) return notes->strict_errors[0];
  return held.open_api_v3_schema ? std::string(held.open_api_v3_schema->Text()) : "nothing";
}

constexpr const char* kText =
    R"({"description":"d","type":"object","properties":{"a":{"type":"array",)"
    R"("items":{"nullable":true,"type":"string"}},"b":{"type":"integer"}}})";

// Whatever order, blanks and zeros it came with.
TEST(KeptTextTest, EqualSchemasHaveEqualTexts) {
  const std::string sent = R"({"openAPIV3Schema": {"properties": {
      "b": {"type": "integer", "nullable": false, "format": ""},
      "a": {"items": {"type": "string", "nullable": true}, "type": "array"}},
      "type": "object", "description": "d", "required": []}})";
  EXPECT_EQ(KeptOf(sent), kText);
  const auto document = DecodeJson(Holder(), sent, FieldValidation::kStrict);
  ASSERT_TRUE(document);
  const auto of_document = FromJson<CustomResourceValidation>(document->document);
  ASSERT_TRUE(of_document);
  EXPECT_EQ(of_document->open_api_v3_schema->Text(), kText);
  std::string text;
  AppendStruct(Holder(), &*of_document, text);
  EXPECT_EQ(text, R"({"openAPIV3Schema":)" + std::string(kText) + "}");
  EXPECT_EQ(EncodeDocument(Holder(), document->document), text);
}

TEST(KeptTextTest, ValuesOfASchemaAreKeptInOneOrder) {
  const char* const kSorted =
      R"({"type":"object","default":{"a":[{"c":1,"d":2}],"b":true},"enum":[{"x":1,"y":2},"z"],)"
      R"("example":{"e":null,"f":2.5}})";
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"type": "object",
      "default": {"b": true, "a": [ {"d": 2, "c": 1} ]}, "enum": [{"y": 2, "x": 1}, "z"],
      "example": {"f": 2.5, "e": null}}})"),
            kSorted);
  EXPECT_EQ(KeptOf(std::string(R"({"openAPIV3Schema": )") + kSorted + "}"), kSorted);
}

TEST(KeptTextTest, AnEmptySchemaIsOne) {
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {}})"), "{}");
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": null})"), "nothing");
  EXPECT_EQ(KeptOf(R"({})"), "nothing");
}

// No schema may have it, so whether it was there has to be known.
TEST(KeptTextTest, AnEmptyMapThatMayBeAbsentStays) {
  const std::string kept = R"({"type":"object","dependencies":{}})";
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"dependencies": {}, "type": "object"}})"), kept);
  const auto document = DecodeJson(
      Holder(), R"({"openAPIV3Schema": )" + kept + "}", FieldValidation::kStrict);
  ASSERT_TRUE(document);
  const auto held = FromJson<CustomResourceValidation>(document->document);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->open_api_v3_schema->Text(), kept);
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"dependencies": null, "type": "object"}})"),
            R"({"type":"object"})");
}

// As where it was a struct all the way: errors know where they are.
TEST(KeptTextTest, ItIsReadAsTheTypeThatItIsOf) {
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"type": "object", "zzz": 1}})"),
            "unknown field \"openAPIV3Schema.zzz\"");
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"type": "a", "type": "b"}})"),
            "duplicate field \"openAPIV3Schema.type\"");
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"type": 5}})"),
            "json: cannot unmarshal number into Go struct field "
            "JSONSchemaProps.openAPIV3Schema.type of type string");
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": "a"})"),
            "json: cannot unmarshal string into Go struct field "
            "CustomResourceValidation.openAPIV3Schema of type v1.JSONSchemaProps");
  // Go reads a second one into the first.
  EXPECT_EQ(KeptOf(R"({"openAPIV3Schema": {"type": "a"}, "openAPIV3Schema": {"format": "b"}})",
                   FieldValidation::kIgnore),
            R"({"type":"a","format":"b"})");
}

TEST(KeptTextTest, InProtobufItIsAMessage) {
  CustomResourceValidation held;
  held.open_api_v3_schema = RawJson::FromText(kText);
  const auto by_protobuf = [&](std::string_view text) -> std::string {
    held.open_api_v3_schema = RawJson::FromText(text);
    const std::string bytes = EncodeStructProtobuf(Holder(), {"v1", "X"}, &held);
    EXPECT_EQ(bytes, EncodeProtobuf(Holder(), {"v1", "X"}, ToJson(held)));
    const auto envelope = OpenEnvelope(bytes);
    CustomResourceValidation read;
    EXPECT_TRUE(envelope && DecodeProtobufInto(Holder(), envelope->raw, &read));
    return read.open_api_v3_schema ? std::string(read.open_api_v3_schema->Text()) : "nothing";
  };
  EXPECT_EQ(by_protobuf(kText), kText);
  EXPECT_EQ(by_protobuf(R"({"default":{"b":1,"a":2}})"), R"({"default":{"a":2,"b":1}})");
  EXPECT_EQ(by_protobuf("{}"), "{}");
}

TEST(KeptTextTest, WhatThisProgramWroteIsTakenAsItStands) {
  CustomResourceValidation held;
  const std::string text = R"({"openAPIV3Schema":{"type":"object","description":"d"},"zzz":1})";
  ASSERT_TRUE(DecodeOwnText(Holder(), text, &held));
  EXPECT_EQ(held.open_api_v3_schema->Text(), R"({"type":"object","description":"d"})");
  EXPECT_FALSE(DecodeOwnText(Holder(), R"({"openAPIV3Schema":{"type":)", &held));
}

}  // namespace
}  // namespace skiff
