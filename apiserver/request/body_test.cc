#include "apiserver/request/body.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/typed.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace skiff {
namespace {

http::Request Body(std::string_view media, std::string body) {
  http::Request request;
  request.headers.emplace("Content-Type", media);
  request.body = std::move(body);
  return request;
}

struct ReadMap {
  core_v1::ConfigMap object;
  std::vector<std::string> strict_errors;
};
Result<ReadMap> Decode(const http::Request& request,
                       FieldValidation validation = FieldValidation::kWarn) {
  ReadMap read;
  TextNotes notes = TRY(DecodeBodyInto(request, WantedOf(core_v1::ConfigMap::Info()), validation,
                                       &read.object));
  read.strict_errors = std::move(notes.strict_errors);
  return read;
}

constexpr const char* kProtobufType = "application/vnd.kubernetes.protobuf";

TEST(Body, ProtobufAndJsonGiveTheSameObject) {
  const std::string json =
      R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"k":"v"}})";
  const auto from_json = Decode(Body("application/json", json));
  ASSERT_TRUE(from_json);
  const auto from_protobuf =
      Decode(Body(kProtobufType, EncodeProtobuf(core_v1::ConfigMap::Describe(), {"v1", "ConfigMap"},
                                            ToJson(from_json->object))));
  ASSERT_TRUE(from_protobuf) << from_protobuf.error().message;
  EXPECT_EQ(from_json->object.data.at("k"), "v");
  EXPECT_EQ(ToJson(from_protobuf->object), ToJson(from_json->object));
}

TEST(Body, ProtobufThatIsNoneOrOfAnotherKindIsRefused) {
  EXPECT_EQ(Decode(Body(kProtobufType, "hello")).error().message,
            "the object provided is unrecognized (must be of type ConfigMap): provided data does "
            "not appear to be a protobuf message, expected prefix [107 56 115 0] (68656c6c6f)");
  EXPECT_EQ(
      Decode(Body(kProtobufType, "")).error().message,
      "the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)");
  const std::string secret = EncodeProtobuf(core_v1::Secret::Describe(), {"v1", "Secret"}, {});
  EXPECT_EQ(Decode(Body(kProtobufType, secret)).error().message,
            "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to "
            "(core.ConfigMap): unknown conversion");
}

TEST(Body, KeysThatYamlRepeatsAreToldFirst) {
  const auto request =
      Body("application/yaml", "metadata: {name: y3}\ndata:\n  a: x\n  a: z\nfoo: 1\n");
  const auto warned = Decode(request);
  ASSERT_TRUE(warned);
  EXPECT_EQ(warned->strict_errors, (std::vector<std::string>{"line 4: key \"a\" already set in map",
                                                             "unknown field \"foo\""}));
  EXPECT_EQ(warned->object.data.at("a"), "z");
  EXPECT_EQ(Decode(request, FieldValidation::kStrict).error().message,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
            "yaml: unmarshal errors:\n  line 4: key \"a\" already set in map, unknown field "
            "\"foo\"");
  EXPECT_TRUE(Decode(request, FieldValidation::kIgnore)->strict_errors.empty());
}

TEST(Body, DeleteOptionsMayComeInProtobuf) {
  const Json options = *ParseJson(R"({"gracePeriodSeconds":0,"propagationPolicy":"Orphan"})");
  const auto decoded = DecodeDeleteOptions(
      Body(kProtobufType,
           EncodeProtobuf(meta_v1::DeleteOptions::Describe(), {"v1", "DeleteOptions"}, options)),
      "", "v1");
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, options);
}

}  // namespace
}  // namespace skiff
