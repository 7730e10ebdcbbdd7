#include "api/patch/patch.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

// The document after the patch, or the error's text.
std::string Patched(std::string_view document, std::string_view patch) {
  const auto parsed = ParseJsonPatch(patch);
  if (!parsed) return parsed.error().message;
  const auto result = ApplyJsonPatch(*parsed, *ParseJson(document));
  return result ? DumpJson(*result) : result.error().message;
}

TEST(JsonPatch, DoesTheSixOperations) {
  EXPECT_EQ(Patched(R"({"a":{"b":1},"l":[1,2]})",
                    R"([{"op":"test","path":"/a/b","value":1},
                        {"op":"add","path":"/l/-","value":3},
                        {"op":"add","path":"/l/0","value":0},
                        {"op":"replace","path":"/a/b","value":2},
                        {"op":"copy","from":"/a","path":"/c"},
                        {"op":"move","from":"/a/b","path":"/m"},
                        {"op":"remove","path":"/l/1"}])"),
            R"({"a":{},"c":{"b":2},"l":[0,2,3],"m":2})");
}

TEST(JsonPatch, PointersAreUnescapedAndMayCountFromTheEnd) {
  EXPECT_EQ(Patched(R"({"a/b":{"c~d":1}})", R"([{"op":"remove","path":"/a~1b/c~0d"}])"),
            R"({"a/b":{}})");
  EXPECT_EQ(Patched(R"({"l":[1,2,3]})", R"([{"op":"remove","path":"/l/-1"}])"), R"({"l":[1,2]})");
}

TEST(JsonPatch, ReplacingAMissingKeyAddsIt) {
  EXPECT_EQ(Patched(R"({"a":{}})", R"([{"op":"replace","path":"/a/b","value":1}])"),
            R"({"a":{"b":1}})");
}

TEST(JsonPatch, WhatCannotBeDoneIsSaidAsTheLibrarySaysIt) {
  const std::pair<const char*, const char*> failures[] = {
      {R"({"op":"add","path":"/x/y","value":1})",
       "add operation does not apply: doc is missing path: \"/x/y\": missing value"},
      {R"({"op":"add","path":"","value":1})",
       "add operation does not apply: doc is missing path: \"\": missing value"},
      {R"({"op":"add","value":1})", "add operation failed to decode path: missing value"},
      {R"({"op":"add","path":"/l/9","value":1})",
       "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index "
       "referenced"},
      {R"({"op":"add","path":"/l/x","value":1})",
       "error in add for path: '/l/x': value was not a proper array index: 'x': strconv.Atoi: "
       "parsing \"x\": invalid syntax"},
      {R"({"op":"remove","path":"/none"})",
       "error in remove for path: '/none': Unable to remove nonexistent key: none: missing value"},
      {R"({"op":"remove","path":"/a/b"})",
       "remove operation does not apply: doc is missing path: \"/a/b\": missing value"},
      {R"({"op":"remove","path":"/l/-2"})",
       "error in remove for path: '/l/-2': Unable to access invalid index: -2: invalid index "
       "referenced"},
      {R"({"op":"remove","path":"/l/9999999999999999999"})",
       "error in remove for path: '/l/9999999999999999999': strconv.Atoi: parsing "
       "\"9999999999999999999\": value out of range"},
      {R"({"op":"replace","path":"/x/y","value":1})",
       "replace operation does not apply: doc is missing path: /x/y: missing value"},
      {R"({"op":"replace","path":"/l/-","value":1})",
       "replace operation does not apply: doc is missing key: /l/-: missing value"},
      {R"({"op":"replace","path":"","value":"x"})",
       "replace operation value must be object or array: %!w(<nil>)"},
      {R"({"op":"replace","value":1})",
       "replace operation failed to decode path: operation missing path field: missing value"},
      {R"({"op":"test","path":"/a","value":2})", "testing value /a failed: test failed"},
      {R"({"op":"test","path":"","value":{}})", "testing value  failed: test failed"},
      {R"({"op":"test","path":"/x/y","value":null})",
       "test operation does not apply: is missing path: /x/y: missing value"},
      {R"({"op":"test","path":"/l/9","value":null})",
       "error in test for path: '/l/9': Unable to access invalid index: 9: invalid index "
       "referenced"},
      {R"({"op":"move","from":"/none","path":"/b"})",
       "error in move for path: 'none': Unable to remove nonexistent key: none: missing value"},
      {R"({"op":"move","from":"/l/1","path":"/b"})",
       "error in move for path: '1': Unable to access invalid index: 1: invalid index referenced"},
      {R"({"op":"move","path":"/b"})",
       "move operation failed to decode from: operation, missing from field: missing value"},
      {R"({"op":"move","from":"/a","path":"/x/y"})",
       "move operation does not apply: doc is missing destination path: /x/y: missing value"},
      {R"({"op":"copy","from":"/x/y","path":"/b"})",
       "copy operation does not apply: doc is missing from path: /x/y: missing value"},
      {R"({"op":"copy","from":"/a","path":"/l/x"})",
       "error while adding value during copy: value was not a proper array index: 'x': "
       "strconv.Atoi: parsing \"x\": invalid syntax"},
      {R"({"op":"fly","path":"/a"})", "Unexpected kind: fly"},
      {R"({"path":"/a"})", "Unexpected kind: unknown"},
      {"null", "Unexpected kind: unknown"},
  };
  for (const auto& [operation, why] : failures) {
    EXPECT_EQ(Patched(R"({"a":1,"l":[1]})", "[" + std::string(operation) + "]"), why) << operation;
  }
}

TEST(JsonPatch, AFieldOfTheWrongTypeFailsWhereItIsNeeded) {
  const auto failure = [](const char* operation) {
    const auto patch = ParseJsonPatch("[" + std::string(operation) + "]", false);
    const auto patched = ApplyJsonPatch(*patch, *ParseJson(R"({"a":1})"));
    return patched ? DumpJson(*patched) : patched.error().message;
  };
  EXPECT_EQ(failure(R"({"op":5,"path":"/a"})"), "Unexpected kind: unknown");
  EXPECT_EQ(failure(R"({"op":"test","path":5})"),
            "test operation failed to decode path: json: cannot unmarshal number into Go value of "
            "type string");
  EXPECT_EQ(failure(R"({"op":"remove","path":"/a","from":5})"), "{}");
  EXPECT_EQ(failure(R"({"op":"remove","path":"/b","path":"/a"})"), "{}");
}

TEST(JsonPatch, PathsBeginAtTheirFirstSlashAndIndexesAreReadAsGoReadsThem) {
  EXPECT_EQ(Patched(R"({"a":1})", R"([{"op":"remove","path":"x/a"}])"), "{}");
  EXPECT_EQ(Patched(R"({"l":[1,2]})", R"([{"op":"remove","path":"/l/+01"}])"), R"({"l":[1]})");
  EXPECT_EQ(Patched(R"({"l":[1,2]})", R"([{"op":"add","path":"/l/-0","value":0}])"),
            R"({"l":[0,1,2]})");
  EXPECT_EQ(Patched(R"({"l":[1,2]})", R"([{"op":"add","path":"/l/-1","value":3}])"),
            R"({"l":[1,2,3]})");
  EXPECT_EQ(DumpJson(TouchedBy(*ParseJsonPatch(R"([{"op":"add","path":"x/a/b"}])"))),
            R"({"a":{"b":null}})");
}

TEST(JsonPatch, WhatAnObjectDoesNotHaveIsNull) {
  EXPECT_EQ(Patched(R"({"a":{}})", R"([{"op":"test","path":"/a/b","value":null}])"), R"({"a":{}})");
  EXPECT_EQ(Patched(R"({"a":{}})", R"([{"op":"test","path":"/a/b","value":0}])"),
            "testing value /a/b failed: test failed");
  EXPECT_EQ(Patched(R"({"a":{}})", R"([{"op":"copy","from":"/b","path":"/c"}])"),
            R"({"a":{},"c":null})");
}

TEST(JsonPatch, MalformedPatchesAreToldAsGoTellsThem) {
  EXPECT_EQ(Patched("{}", "{"), "error decoding patch: unexpected end of JSON input");
  EXPECT_EQ(Patched("{}", "{}"),
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp");
  EXPECT_EQ(Patched("{}", R"([{"op":5}])"),
            "error decoding patch: json: cannot unmarshal number into Go struct field "
            "jsonPatchOp.op of type string");
  EXPECT_TRUE(ParseJsonPatch(R"([{"op":5}])", false).has_value());
  EXPECT_EQ(ParseJsonPatch("{}", false).error().message,
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  std::string many = "[";
  for (int i = 0; i < 10001; ++i) many += R"({"op":"test","path":"/a"},)";
  many.back() = ']';
  EXPECT_EQ(Patched("{}", many),
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, "
            "got 10001");
  EXPECT_EQ(ParseJsonPatch(R"([{"op":"test","path":"/a","x":1,"path":"/b"}])")->strict_errors,
            (std::vector<std::string>{"json patch unknown field \"[0].x\"",
                                      "json patch duplicate field \"[0].path\""}));
}

TEST(JsonPatch, ANumberBeyondDoubleIsNoValue) {
  EXPECT_EQ(Patched("{}", R"([{"op":"add","path":"/a","value":[1e999]}, {"op":5}])"),
            "error decoding patch: json: cannot unmarshal number 1e999 into Go struct field "
            "jsonPatchOp.value of type float64");
  EXPECT_EQ(Patched("{}", R"([{"op":"add","path":"/a","value":1e999})"),
            "error decoding patch: unexpected end of JSON input");
  EXPECT_FALSE(ParseJsonPatch(R"([{"op":"add","path":"/a","value":1e999}])", false));
  EXPECT_EQ(Patched("{}", R"([{"op":"add","path":"/a","value":1e-999}])"), R"({"a":0})");
}

TEST(JsonPatch, ATestComparesTheTextOfScalars) {
  const auto tested = [](std::string_view document, std::string_view value) {
    return Patched(document, R"([{"op":"test","path":"/a","value":)" + std::string(value) + "}]");
  };
  const std::string failed = "testing value /a failed: test failed";
  EXPECT_EQ(tested(R"({"a":1})", "1"), R"({"a":1})");
  EXPECT_EQ(tested(R"({"a":1})", "1.0"), failed);
  EXPECT_EQ(tested(R"({"a":100})", "1e2"), failed);
  EXPECT_EQ(tested(R"({"a":[{"b":1}]})", R"([ {"b" : 1} ])"), R"({"a":[{"b":1}]})");
  EXPECT_EQ(tested(R"({"a":[{"b":1}]})", R"([{"b":1.0}])"), failed);
  EXPECT_EQ(tested(R"({"a":"x"})", R"("\u0078")"), failed);
  EXPECT_EQ(tested(R"({"a":"x<y"})", R"("x\u003cy")"), R"({"a":"x\u003cy"})")
      << "Go writes it so";
  EXPECT_EQ(tested(R"({"a":"x<y"})", R"("x<y")"), failed);
  EXPECT_EQ(Patched(R"({"n":null,"t":true,"f":0.5})",
                    R"([{"op":"add","path":"/a","value":2.0},
                        {"op":"test","path":"/a","value":2.0},
                        {"op":"test","path":"/n","value":null},
                        {"op":"test","path":"/t","value":true},
                        {"op":"copy","from":"/f","path":"/g"}])"),
            R"({"a":2,"f":0.5,"g":0.5,"n":null,"t":true})");
}

TEST(JsonPatch, CopiesAreBounded) {
  std::string patch = "[";
  for (int i = 0; i < 40; ++i) patch += R"({"op":"copy","from":"/a","path":"/a/-"},)";
  patch.back() = ']';
  EXPECT_TRUE(Patched(R"({"a":["0123456789"]})", patch)
                  .starts_with("Unable to complete the copy, the accumulated size increase of "
                               "copy is "));
}

TEST(MergePatch, NullsDeleteAndListsAreReplaced) {
  const auto patch = ParseMergePatch(R"({"a":null,"b":{"c":null,"d":1},"l":[1],"new":{"x":null}})");
  EXPECT_EQ(DumpJson(ApplyMergePatch(patch->patch, *ParseJson(R"({"a":1,"b":{"c":1},"l":[2,3]})"))),
            R"({"b":{"d":1},"l":[1],"new":{}})");
}

TEST(MergePatch, NullsInListsGoUnlessTheListReplacesAnObject) {
  const auto merged = [](const char* document, const char* patch) {
    return DumpJson(ApplyMergePatch(ParseMergePatch(patch)->patch, *ParseJson(document)));
  };
  constexpr const char* kPatch = R"({"k":[{"a":null,"b":[{"c":null}]},null]})";
  for (const char* document : {"{}", R"({"k":null})", R"({"k":[1]})", R"({"k":"x"})"}) {
    EXPECT_EQ(merged(document, kPatch), R"({"k":[{"b":[{}]},null]})") << document;
  }
  EXPECT_EQ(merged(R"({"k":{"x":1}})", kPatch), kPatch);
  EXPECT_EQ(merged(R"({"k":"x"})", R"({"k":{"q":null,"l":[{"z":null}]}})"), R"({"k":{"l":[{}]}})");
}

TEST(MergePatch, OnlyObjectsArePatches) {
  EXPECT_EQ(ParseMergePatch("[1]").error().message,
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}");
  EXPECT_EQ(ParseMergePatch("null").error().message, "Invalid JSON Patch");
  EXPECT_EQ(ParseMergePatch("").error().message,
            "error decoding patch: unexpected end of JSON input");
  EXPECT_EQ(ParseMergePatch(R"({"spec":{"replicas":5,"replicas":6}})")->strict_errors,
            std::vector<std::string>{"duplicate field \"spec.replicas\""});
  EXPECT_EQ(FindDuplicates(R"({"a":1,"a":2,"a":3,"l":[{"b":1,"b":1},{"b":1,"b":1}]})"),
            (std::vector<std::string>{"duplicate field \"a\"", "duplicate field \"l[0].b\"",
                                      "duplicate field \"l[1].b\""}));
}

TEST(Patch, AnUnfitResultIsQuotedAsTheLibraryWroteIt) {
  const Json live = *ParseJson(
      R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"t","uid":"u","namespace":"n"},
          "data":{"a":"b"}})");
  const Json patch = *ParseJson(R"({"data":[1]})");
  const std::string text =
      PatchedText(core_v1::ConfigMap::Describe(), patch, ApplyMergePatch(patch, live));
  EXPECT_EQ(text, R"({"apiVersion":"v1","data":[1],"kind":"ConfigMap",)"
                  R"("metadata":{"name":"t","namespace":"n","uid":"u"}})");
  const Error error = UnfitPatch("{}", "why");
  EXPECT_EQ(error.message, " \"\" is invalid: patch: Invalid value: \"{}\": why");
  EXPECT_EQ(error.causes[0], (Cause{"FieldValueInvalid", "Invalid value: \"{}\": why", "patch"}));
}

TEST(PatchTest, TextThatIsKeptStaysWhereAPatchDoesNotGo) {
  const std::string before = R"({"b": {"z": 1, "big": 12345678901234567890}, "a": "<\" x>"})";
  const auto document = ParseJson(before).value();
  const auto merged = [&](const char* patch) {
    const Json touched = Json::parse(patch);
    return PatchedRawText(before, &touched, ApplyMergePatch(touched, document));
  };
  EXPECT_EQ(PatchedRawText(before, nullptr, document),
            R"({"b":{"z":1,"big":12345678901234567890},"a":"<\" x>"})");
  EXPECT_EQ(merged(R"({"c":[1]})"),
            R"({"a":"<\" x>","b":{"z":1,"big":12345678901234567890},"c":[1]})");
  EXPECT_EQ(merged(R"({"a":null,"b":{"z":null}})"), R"({"b":{"big":12345678901234567890}})");
  EXPECT_EQ(merged(R"({"a":null,"b":7})"), R"({"b":7})");
}

TEST(PatchTest, ATestLeavesTextAsItIs) {
  const auto patch = ParseJsonPatch(R"([{"op":"test","path":"/data/b","value":{"z":1,"y":2}}])");
  ASSERT_TRUE(patch);
  const Json touched = TouchedBy(*patch).at("data");
  const std::string before = R"({"b":{"z":1,"y":2},"a":3})";
  EXPECT_EQ(PatchedRawText(before, &touched, ParseJson(before).value()),
            R"({"a":3,"b":{"z":1,"y":2}})");
}

}  // namespace
}  // namespace skiff
