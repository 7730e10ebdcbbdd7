// Documents that nest as deep as any may, and those that nest deeper: nothing overflows the stack,
// and nothing takes a time that grows as the square of what was sent.
#include <pthread.h>
#include <sys/mman.h>

#include <functional>
#include <thread>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/typed.h"
#include "api/patch/apply.h"
#include "api/patch/managed_fields.h"
#include "api/patch/merge.h"
#include "api/patch/patch.h"
#include "api/patch/strategic_merge.h"
#include "api/text/go_value.h"
#include "api/text/yaml.h"
#include "base/thread_seconds.h"
#include "base/thread_stack.h"
#include "gtest/gtest.h"

namespace skiff {
namespace {

std::string Repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}
std::string Nested(int depth, std::string_view open, std::string_view inner,
                   std::string_view close) {
  return Repeat(open, depth) + std::string(inner) + Repeat(close, depth);
}
const Type& TypeOf(const char* api_version, const char* kind) {
  return *FindBuiltInType(api_version, kind);
}
const Type& Schema() {
  return TypeOf("apiextensions.k8s.io/v1", "JSONSchemaProps");
}

// How much stack `work` takes of a thread that is made as all of the program's are.
size_t StackOf(const std::function<void()>& work) {
  SetThreadStacks();
  size_t used = 0;
  std::jthread([&] {
    work();
    pthread_attr_t attributes;
    void* base = nullptr;
    size_t size = 0;
    ASSERT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstack(&attributes, &base, &size);
    pthread_attr_destroy(&attributes);
    constexpr size_t kPage = 4096;
    std::vector<unsigned char> pages(size / kPage);
    ASSERT_EQ(mincore(base, pages.size() * kPage, pages.data()), 0);
    for (const unsigned char page : pages) used += (page & 1) * kPage;
  }).join();
  return used;
}

// A test whose own body too is on such a thread.
#define DEEP_TEST(name)                     \
  void name();                              \
  TEST(NestingTest, name) {                 \
    SetThreadStacks();                      \
    std::jthread([] { name(); }).join();    \
  }                                         \
  void name()

#define EXPECT_HALF_A_STACK(...)                                 \
  do {                                                           \
    const size_t used = StackOf([&] { __VA_ARGS__; });           \
    EXPECT_LE(used, kThreadStackBytes / 2) << #__VA_ARGS__;      \
    testing::Test::RecordProperty("stack", std::to_string(used)); \
  } while (false)

const std::string kLists = Nested(kJsonDepthMax, "[", "", "]");
const std::string kMaps = Nested(kJsonDepthMax - 1, "{\"a\":", "{}", "}");

DEEP_TEST(TheDeepestJsonIsReadCopiedComparedAndWritten) {
  for (const std::string& text : {kLists, kMaps}) {
    const auto json = ParseJson(text);
    ASSERT_TRUE(json);
    EXPECT_EQ(DepthOf(*json, kJsonDepthMax + 1), kJsonDepthMax);
    EXPECT_HALF_A_STACK((void)ParseJson(text));
    EXPECT_HALF_A_STACK(const Json copy = *json; EXPECT_TRUE(copy == *json));
    EXPECT_HALF_A_STACK(EXPECT_EQ(DumpJson(*json), text));
    EXPECT_HALF_A_STACK((void)GoPlain(*json); (void)GoSyntax(*json));
    EXPECT_HALF_A_STACK(EXPECT_LT(DumpYaml(*json).size(), size_t{9} << 20));
    EXPECT_FALSE(ParseJson("[" + text + "]"));
  }
}

DEEP_TEST(TheDeepestMapsAreMerged) {
  const Json json = *ParseJson(kMaps);
  const Json revision = {{"data", *ParseJson(Nested(kJsonDepthMax - 2, "{\"a\":", "{}", "}"))}};
  Json other = revision;
  other["data"]["a"]["b"] = 1;
  const Type& type = TypeOf("apps/v1", "ControllerRevision");
  EXPECT_HALF_A_STACK((void)ApplyMergePatch(other, revision));
  EXPECT_HALF_A_STACK(EXPECT_TRUE(ApplyStrategicPatch(type, revision, other)));
  EXPECT_HALF_A_STACK((void)FindDuplicates(kMaps));
  EXPECT_HALF_A_STACK((void)MergeApplied({}, Json(json), json));
  EXPECT_HALF_A_STACK(const FieldSet set = FieldsOf({}, json);
                      const FieldSet both = Union(set, set);
                      EXPECT_TRUE(Difference(both, set).Empty());
                      EXPECT_EQ(*FieldSetFromJson(ToJson(set)), Intersection(both, set));
                      (void)RemoveFields({}, json, set));
  EXPECT_HALF_A_STACK((void)Compare({}, json, Json::object()));
}

DEEP_TEST(TheDeepestSchemaIsDecodedAndEncoded) {
  // Each level of `items` is one object; of `properties`, two.
  const std::vector<std::string> texts = {
      Nested(9'990, "{\"items\":", "{}", "}"), Nested(9'990, "{\"not\":", "{}", "}"),
      Nested(4'990, "{\"properties\":{\"a\":", "{}", "}}"),
      Nested(4'990, "{\"allOf\":[", "{}", "]}"),
      Nested(4'990, "{\"dependencies\":{\"a\":", "{}", "}}")};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 20));
    Json schema;
    EXPECT_HALF_A_STACK(schema = DecodeJson(Schema(), text, FieldValidation::kStrict)->document);
    EXPECT_EQ(DumpJson(schema), text);
    EXPECT_HALF_A_STACK(EXPECT_EQ(EncodeDocument(Schema(), schema), text));
    const std::string bytes = EncodeProtobuf(Schema(), {"v1", "x"}, schema);
    EXPECT_HALF_A_STACK((void)EncodeProtobuf(Schema(), {"v1", "x"}, schema));
    EXPECT_HALF_A_STACK(EXPECT_EQ(*DecodeProtobuf(Schema(), OpenEnvelope(bytes)->raw), schema));
    EXPECT_HALF_A_STACK(
        std::unique_ptr<void, void (*)(void*)> object{Schema().ops->create(),
                                                      Schema().ops->destroy};
        EXPECT_TRUE(FromJson(Schema(), schema, object.get()));
        EXPECT_EQ(ToJson(Schema(), object.get()), schema));
    EXPECT_HALF_A_STACK((void)CheckApplied(Schema(), schema));
    EXPECT_HALF_A_STACK((void)WithNamedParents(FieldsOf({&Schema(), nullptr}, schema), Schema()));
  }
}

// A schema that was copied at each of its levels took seconds.
DEEP_TEST(TheDeepestSchemaIsReadOutOfProtobufInNoTime) {
  const std::string text = Nested(9'990, "{\"items\":", "{}", "}");
  const Json schema = DecodeJson(Schema(), text, FieldValidation::kStrict)->document;
  const std::string bytes = EncodeProtobuf(Schema(), {"v1", "x"}, schema);
  EXPECT_LT(SecondsOf([&] { EXPECT_TRUE(DecodeProtobuf(Schema(), OpenEnvelope(bytes)->raw)); }),
            1);
}

DEEP_TEST(DeeperProtobufIsRefused) {
  std::string bytes;
  for (int i = 0; i < kProtobufDepthMax + 10; ++i) {  // "not" within "not".
    std::string outer = {'\xe2', '\x01'};             // Field 28, bytes.
    for (size_t length = bytes.size(); ; length >>= 7) {
      outer += static_cast<char>((length & 0x7f) | (length >= 0x80 ? 0x80 : 0));
      if (length < 0x80) break;
    }
    bytes.insert(0, outer);
  }
  EXPECT_HALF_A_STACK(EXPECT_FALSE(DecodeProtobuf(Schema(), bytes)));
}

DEEP_TEST(AJsonPatchDoesNotNestDeeperThanADocumentMay) {
  // Each copy puts the chain into its own innermost object.
  const int depth = 4'990;
  std::string text = "[{\"op\":\"add\",\"path\":\"/x\",\"value\":" +
                     Nested(depth, "{\"a\":", "1", "}") + "}";
  for (int i = 1; i <= 3; ++i) {
    const std::string path = "/x" + Repeat("/a", depth << (i - 1));
    text += ",{\"op\":\"copy\",\"from\":\"/x\",\"path\":\"" + path + "\"}";
  }
  const auto patch = ParseJsonPatch(text + "]");
  ASSERT_TRUE(patch);
  EXPECT_HALF_A_STACK(EXPECT_FALSE(ApplyJsonPatch(*patch, Json::object())));
  JsonPatch once = *patch;
  once.operations.resize(2);
  EXPECT_HALF_A_STACK(EXPECT_TRUE(ApplyJsonPatch(once, Json::object())));
}

DEEP_TEST(MovesDoNotMakeAShallowDocumentTooDeep) {
  JsonPatch patch;
  for (int i = 0; i < 5000; ++i) {
    patch.operations.push_back({.op = "move", .path = "/a/b/c/d", .from = "/x"});
    patch.operations.push_back({.op = "move", .path = "/x", .from = "/a/b/c/d"});
  }
  const Json document = *ParseJson(R"({"x": {}, "a": {"b": {"c": {}}}})");
  EXPECT_EQ(ApplyJsonPatch(patch, document).value(), document);
}

DEEP_TEST(AnAnchorThatHoldsItselfIsRefused) {
  for (const char* text : {"&a [*a]", "&a {b: *a}", "a: &a\n- *a\n- *a\n", "&a {<<: *a}"}) {
    EXPECT_HALF_A_STACK(EXPECT_FALSE(ParseYaml(text)) << text);
  }
}

DEEP_TEST(AliasesDoNotBlowUpText) {
  std::string text = "a: &a " + std::string(1 << 20, 'x') + "\nb: [*a";
  for (int i = 0; i < 10'000; ++i) text += ",*a";
  const auto yaml = ParseYaml(text + "]");
  ASSERT_FALSE(yaml);
  EXPECT_EQ(yaml.error().message, "yaml: document contains excessive aliasing");
}

DEEP_TEST(YamlThatIsJsonNestsAsJsonDoes) {
  EXPECT_HALF_A_STACK(EXPECT_EQ(DumpJson(ParseYaml(kMaps)->value), kMaps));
  EXPECT_FALSE(ParseYaml("[" + kLists + "]"));
}

// What would take minutes if each item were looked for in a row.
class LongListTest : public testing::Test {
 protected:
  static constexpr int kItems = 60'000;
  void TearDown() override { EXPECT_LT(ThreadSeconds() - begin_, 60); }
  static Json Names() {
    Json names = Json::array();
    for (int i = 0; i < kItems; ++i) names.push_back("n" + std::to_string(i));
    return names;
  }
  static Json Containers(const char* directive) {
    Json items = Json::array();
    for (int i = 0; i < kItems; ++i) {
      Json item = {{"name", "n" + std::to_string(i)}};
      if (*directive != '\0') item["$patch"] = directive;
      items.push_back(std::move(item));
    }
    return items;
  }
  const double begin_ = ThreadSeconds();
};

TEST_F(LongListTest, MergesByKey) {
  const Type& type = TypeOf("v1", "Pod");
  const Json pod = {{"metadata", {{"finalizers", Names()}}},
                    {"spec", {{"containers", Containers("")}}}};
  EXPECT_EQ(*ApplyStrategicPatch(type, pod, pod), pod);
  const Json gone = {{"metadata", {{"$deleteFromPrimitiveList/finalizers", Names()}}},
                     {"spec", {{"containers", Containers("delete")}}}};
  const Json left = *ApplyStrategicPatch(type, pod, gone);
  EXPECT_TRUE(left["spec"]["containers"].empty());
  EXPECT_TRUE(left["metadata"]["finalizers"].empty());
}

TEST_F(LongListTest, PutsItemsInFrontAFewTimesOnly) {
  JsonPatch patch;
  for (size_t i = 0; i < kPatchOperationsMax; ++i) {
    patch.operations.push_back({.op = "add", .path = "/0", .value = 0});
  }
  const Json list(Json::array_t(1'000'000, Json(0)));
  EXPECT_FALSE(ApplyJsonPatch(patch, list));
  EXPECT_EQ(ApplyJsonPatch(patch, Json::array())->size(), kPatchOperationsMax);
}

TEST_F(LongListTest, ReadsAMapThatIsGivenTwice) {
  std::string members;
  for (int i = 0; i < kItems; ++i) {
    members += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"\"";
  }
  const std::string text = "{\"data\":{" + members + "},\"data\":{" + members + "}}";
  const auto decoded = DecodeJson(TypeOf("v1", "ConfigMap"), text, FieldValidation::kStrict);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->strict_errors, std::vector<std::string>{"duplicate field \"data\""});
}

TEST_F(LongListTest, TellsOfRepeatedFieldsInLongPathsAFewTimesOnly) {
  std::string text = "{\"properties\":{\"" + std::string(1 << 20, 'p') + "\":{\"x\":1";
  for (int i = 0; i < 200'000; ++i) text += ",\"x\":1";
  const auto decoded = DecodeJson(Schema(), text + "}}}", FieldValidation::kWarn);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->strict_errors.size(), 1u);
  std::string repeated = "{\"" + std::string(1 << 20, 'p') + "\":{\"x\":1";
  for (int i = 0; i < 200'000; ++i) repeated += ",\"x\":1";
  EXPECT_LE(FindDuplicates(repeated + "}}").size(), kStrictErrorsMax);
}

DEEP_TEST(TheFieldsOfADeepSchemaWithManyLeavesAreTracked) {
  std::string leaves = "{\"properties\":{\"x\":{}";
  for (int i = 0; i < 20'000; ++i) leaves += ",\"" + std::to_string(i) + "\":{}";
  const std::string text = Nested(2'000, "{\"properties\":{\"a\":", leaves + "}}", "}}");
  const Json schema = *ParseJson(text);
  Json other = schema;
  EXPECT_HALF_A_STACK(
      Json* at = &other;
      for (int i = 0; i < 2'000; ++i) at = &(*at)["properties"]["a"];
      (*at)["properties"]["y"] = Json::object();
      const Comparison difference = Compare({&Schema(), nullptr}, schema, other);
      EXPECT_FALSE(difference.changed.Empty());
      EXPECT_TRUE(difference.removed.Empty());
      EXPECT_FALSE(FieldsOf({&Schema(), nullptr}, schema).Empty());
      EXPECT_EQ(MergeApplied({&Schema(), nullptr}, Json(schema), other), other));
}

DEEP_TEST(MistakesInDeepConfigurationsAreToldAFewTimesOnly) {
  std::string leaves = "{\"x\":1";
  for (int i = 0; i < 100'000; ++i) leaves += ",\"" + std::to_string(i) + "\":1";
  const Json schema =
      *ParseJson(Nested(4'000, "{\"properties\":{\"abcdef\":", leaves + "}", "}}"));
  EXPECT_HALF_A_STACK(EXPECT_LT(CheckApplied(Schema(), schema).size(), size_t{2} << 20));
}

}  // namespace
}  // namespace skiff
