#include "api/patch/go_conversion.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/values.h"

namespace skiff {
namespace {

// What it is converted to, or why it cannot be.
template <typename T>
std::string Converted(std::string_view json) {
  Json value = Json::parse(json);
  const auto done = ConvertAsGo(T::Describe(), value);
  return done ? value.dump() : done.error().message;
}

TEST(GoConversion, SaysWhatAValueCannotBe) {
  using core_v1::Pod;
  EXPECT_EQ(Converted<Pod>(R"({"metadata":{"name":true}})"), "unrecognized type: string");
  EXPECT_EQ(Converted<Pod>(R"({"metadata":{"name":{}}})"), "unrecognized type: string");
  EXPECT_EQ(Converted<Pod>(R"({"metadata":{"name":5}})"), "cannot convert int64 to string");
  EXPECT_EQ(Converted<Pod>(R"({"kind":5})"), "cannot convert int64 to string");
  EXPECT_EQ(Converted<Pod>(R"({"apiVersion":0.5})"), "unrecognized type: string");
  EXPECT_EQ(Converted<Pod>(R"({"metadata":{"name":1.5}})"), "unrecognized type: string");
  EXPECT_EQ(Converted<Pod>(R"({"spec":{"restartPolicy":1}})"),
            "cannot convert int64 to v1.RestartPolicy");
  EXPECT_EQ(Converted<Pod>(R"({"spec":{"hostNetwork":1}})"), "unrecognized type: bool");
  EXPECT_EQ(Converted<Pod>(R"({"spec":{"priority":"x"}})"), "unrecognized type: int32");
  EXPECT_EQ(Converted<Pod>(R"({"spec":{"priority":1.5}})"), "cannot convert float64 to int32");
  EXPECT_EQ(Converted<Pod>(R"({"spec":"x"})"), "cannot restore struct from: string");
  EXPECT_EQ(Converted<Pod>(R"({"spec":[]})"), "cannot restore struct from: slice");
  EXPECT_EQ(Converted<Pod>(R"({"spec":{"containers":{}}})"), "cannot restore slice from map");
  EXPECT_EQ(Converted<Pod>(R"({"spec":{"containers":[1.5]}})"),
            "cannot restore struct from: float64");
  EXPECT_EQ(Converted<Pod>(R"({"metadata":{"labels":"x"}})"), "cannot restore map from string");
  EXPECT_EQ(Converted<core_v1::Secret>(R"({"data":{"a":5}})"), "cannot restore slice from int64");
}

TEST(GoConversion, CutsNumbersToTheSizeOfTheirField) {
  using apps_v1::Deployment;
  EXPECT_EQ(Converted<Deployment>(R"({"spec":{"replicas":2147483648}})"),
            R"({"spec":{"replicas":-2147483648}})");
  EXPECT_EQ(Converted<Deployment>(R"({"spec":{"replicas":3.0}})"), R"({"spec":{"replicas":3}})");
  EXPECT_EQ(Converted<Deployment>(R"({"metadata":{"generation":9223372036854775808}})"),
            R"({"metadata":{"generation":-9223372036854775808}})");
}

TEST(GoConversion, LeavesWhatReadsItsOwnJson) {
  constexpr const char* kPod = R"({"metadata":{"creationTimestamp":{}},"spec":null})";
  EXPECT_EQ(Converted<core_v1::Pod>(kPod), kPod);
  EXPECT_EQ(ConversionError("json: cannot unmarshal bool into Go struct field "
                            "HTTPGetAction.port of type int32"),
            "json: cannot unmarshal bool into Go value of type int32");
  EXPECT_EQ(ConversionError("illegal base64 data at input byte 0"),
            "error decoding from json: illegal base64 data at input byte 0");
}

}  // namespace
}  // namespace skiff
