#include "api/select/selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/document.h"
#include "api/gen/meta_v1.h"
#include "api/kinds/behaviour.h"
#include "api/rules/names.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using Labels = std::map<std::string, std::string>;

const KindInfo& KindOf(std::string_view api_version, std::string_view kind) {
  for (const KindInfo* info : BuiltInKinds()) {
    if (info->api_version == api_version && info->kind == kind) return *info;
  }
  CHECK(false);
}

std::vector<std::string_view> FieldNames(const KindInfo& kind) {
  std::vector<std::string_view> names;
  for (const SelectableField& field : kind.behaviour->selectable.fields) {
    if (!field.is_alias) names.push_back(field.name());
  }
  return names;
}

std::string ValueOf(const KindInfo& kind, const Json& object, std::string_view name) {
  for (const SelectableField& field : kind.behaviour->selectable.fields) {
    if (field.name() == name) return SelectableValue(field, object);
  }
  return TextAt(object, name);
}

std::string LabelError(std::string_view text) {
  const auto selector = LabelSelector::Parse(text);
  return selector ? "fine: " + selector->Text() : selector.error().message;
}

std::string FieldError(std::string_view api_version, std::string_view kind, std::string_view text) {
  const auto selector = FieldSelector::Parse(text);
  if (!selector) return selector.error().message;
  const auto stored = selector->For(KindOf(api_version, kind));
  return stored ? stored->Text() : stored.error().message;
}

TEST(LabelSelectorTest, BadTextsGetKubernetesErrors) {
  const auto requirement = [](std::string_view text) {
    return "unable to parse requirement: " + std::string(text);
  };
  EXPECT_EQ(LabelError("app is web"),
            requirement("found 'is', expected: in, notin, =, ==, !=, gt, lt"));
  EXPECT_EQ(LabelError("app===web"), requirement("found '=', expected: identifier"));
  EXPECT_EQ(LabelError("app,"), "found '', expected: identifier after ','");
  EXPECT_EQ(LabelError(",app"), "found ',', expected: !, identifier, or 'end of string'");
  EXPECT_EQ(LabelError("a=b c"), "found 'c', expected: ',' or 'end of string'");
  EXPECT_EQ(LabelError("!a=b"), "found '=', expected: ',' or 'end of string'");
  EXPECT_EQ(LabelError("app in (web"), requirement("found '', expected: ',' or ')'"));
  EXPECT_EQ(LabelError("app in web"), requirement("found 'web' expected: '('"));
  EXPECT_EQ(LabelError("app in (=)"), requirement("found '=', expected: ',', ')' or identifier"));
  EXPECT_EQ(LabelError("app in (,=)"), requirement("found '=', expected: ',', or identifier"));
  EXPECT_EQ(LabelError("app in (a,"), requirement("found '', expected: ',', or identifier"));
  EXPECT_EQ(LabelError("!"), requirement("found '', expected: identifier"));
  EXPECT_EQ(LabelError("!!"), requirement("found '!', expected: identifier"));
  EXPECT_EQ(LabelError("app=-web-"), requirement("values[0][app]: Invalid value: \"-web-\": ") +
                                         LabelValueErrors("-web-")[0]);
  EXPECT_EQ(LabelError("-app=web"),
            requirement("<nil>: Invalid value: \"-app\": ") + LabelKeyErrors("-app")[0]);
  EXPECT_EQ(LabelError("a/b/c=web"),
            requirement("<nil>: Invalid value: \"a/b/c\": ") + LabelKeyErrors("a/b/c")[0]);
  EXPECT_EQ(LabelError("tier>x"),
            requirement("values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value "
                        "must be an integer"));
  EXPECT_EQ(LabelSelector::Parse("!").error().reason, Reason::kBadRequest);
}

TEST(LabelSelectorTest, TextsBecomeCanonical) {
  const auto canonical = [](std::string_view text) { return LabelSelector::Parse(text)->Text(); };
  EXPECT_EQ(canonical(""), "");
  EXPECT_EQ(canonical(" tier in ( 2 , 1,1 ) , app = web "), "app=web,tier in (1,2)");
  EXPECT_EQ(canonical("b==c,!a,x!=,z,y>1,w<2,v notin (q)"), "!a,b==c,v notin (q),w<2,x!=,y>1,z");
  EXPECT_EQ(canonical("in"), "in");
  EXPECT_EQ(canonical("in in (in,notin)"), "in in (in,notin)");
  EXPECT_EQ(canonical("a in ()"), "a in ()");
  EXPECT_EQ(canonical("a in (,b,,c)"), "a in (,b,c)");
}

TEST(LabelSelectorTest, RequirementsOfOneKeyHoldTogether) {
  const auto matches = [](const char* text, const char* value) {
    return LabelSelector::Parse(text)->Matches({{"a", value}});
  };
  EXPECT_TRUE(matches("a in (x,y),a in (y,z)", "y"));
  EXPECT_FALSE(matches("a in (x,y),a in (y,z)", "x"));
  EXPECT_FALSE(matches("a=x,a=y", "x"));
  EXPECT_FALSE(matches("a in (x,y),a!=y,a!=z", "y"));
  EXPECT_TRUE(matches("a in (x,y),a!=y,a!=z", "x"));
  EXPECT_FALSE(matches("a,!a", "x"));
  EXPECT_FALSE(LabelSelector::Parse("a,!a")->Matches({}));
  EXPECT_TRUE(matches("a>1,a>3,a<9,a<7", "5"));
  EXPECT_FALSE(matches("a>1,a>3,a<9,a<7", "3"));
  EXPECT_FALSE(matches("a>1,a>3,a<9,a<7", "7"));
  EXPECT_FALSE(matches("a>1", "many"));
  EXPECT_TRUE(LabelSelector::Parse("a!=x,!b")->Matches({}));
  EXPECT_FALSE(LabelSelector::Parse("a!=x,c")->Matches({}));
}

// As many as a request line holds; a watch asks about every event, on a thread of the loops.
TEST(LabelSelectorTest, AreAskedInATimeThatDoesNotGrowWithTheirLength) {
  std::string values = "a notin (", keys = "!k", fields = "metadata.name!=x";
  for (int i = 0; i < 100'000; ++i) {
    values += "v" + std::to_string(i) + ",";
    keys += ",!k" + std::to_string(i);
    fields += ",metadata.name!=n" + std::to_string(i);
  }
  const auto by_value = LabelSelector::Parse(values + "z)");
  const auto by_key = LabelSelector::Parse(keys);
  const auto by_field = FieldSelector::Parse(fields);
  ASSERT_TRUE(by_value && by_key && by_field);
  const auto ask = [&] {
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_FALSE(by_value->Matches({{"a", "v77777"}}));
      ASSERT_TRUE(by_value->Matches({{"a", "w"}}));
      ASSERT_TRUE(by_key->Matches({{"a", "b"}, {"c", "d"}}));
      ASSERT_FALSE(by_key->Matches({{"k99999", ""}}));
      ASSERT_FALSE(by_field->MatchesBy([](std::string_view) { return "n5"; }));
    }
  };
  EXPECT_LT(SecondsOf(ask), 10);
}

TEST(LabelSelectorTest, MatchesAsKubernetesDoes) {
  const Labels a = {{"app", "web"}, {"tier", "1"}, {"example.com/long", "x"}};
  const Labels b = {{"app", "web"}, {"tier", "2"}};
  const Labels c = {{"app", "db"}, {"tier", "x"}, {"empty", ""}};
  const Labels d = {};
  const auto matching = [&](std::string_view text) {
    const auto selector = LabelSelector::Parse(text);
    std::string names;
    const Labels* const all[] = {&a, &b, &c, &d};
    for (size_t i = 0; i < 4; ++i) {
      if (selector->Matches(*all[i])) names += "abcd"[i];
    }
    return names;
  };
  EXPECT_EQ(matching("app=web"), "ab");
  EXPECT_EQ(matching("app==web,tier=2"), "b");
  EXPECT_EQ(matching("app!=web"), "cd");
  EXPECT_EQ(matching("app in (web,db)"), "abc");
  EXPECT_EQ(matching("app notin (db)"), "abd");
  EXPECT_EQ(matching("app"), "abc");
  EXPECT_EQ(matching("!app"), "d");
  EXPECT_EQ(matching("tier>1"), "b");
  EXPECT_EQ(matching("tier<2"), "a");
  EXPECT_EQ(matching("example.com/long=x"), "a");
  EXPECT_EQ(matching("empty="), "c");
  EXPECT_EQ(matching("empty in (,a)"), "c");
  EXPECT_EQ(matching("empty in ()"), "c");
  EXPECT_EQ(matching("app=web,!app"), "");
  EXPECT_EQ(matching(""), "abcd");
  EXPECT_FALSE(LabelSelector::Nothing().Matches(d));
}

TEST(LabelSelectorTest, ObjectsBecomeSelectors) {
  meta_v1::LabelSelector object;
  EXPECT_TRUE(LabelSelector::From(object)->empty());
  EXPECT_EQ(LabelSelectorText(object), "<none>");
  object.match_labels = {{"b", "c"}};
  object.match_expressions.resize(2);
  object.match_expressions[0].key = "a";
  object.match_expressions[0].operator_ = "NotIn";
  object.match_expressions[0].values = {"y", "x", "y"};
  object.match_expressions[1].key = "z";
  object.match_expressions[1].operator_ = "DoesNotExist";
  EXPECT_EQ(LabelSelectorText(object), "a notin (x,y),b=c,!z");
  object.match_expressions[1].values = {"x"};
  EXPECT_EQ(LabelSelector::From(object).error().message,
            "values: Invalid value: [\"x\"]: values set must be empty for exists and does not "
            "exist");
  object.match_expressions[1].operator_ = "Gt";
  EXPECT_EQ(LabelSelector::From(object).error().message,
            "\"Gt\" is not a valid label selector operator");
  EXPECT_EQ(LabelSelectorText(object), "<error>");
  EXPECT_EQ(LabelsText({{"b", "2"}, {"a", ""}}), "a=,b=2");
  EXPECT_EQ(LabelsText({}), "<none>");
}

TEST(FieldSelectorTest, TermsAreSplitAndUnescaped) {
  const auto selector = FieldSelector::Parse("z!=1,,a=x\\,y\\=z\\\\,b==,=q");
  ASSERT_TRUE(selector);
  EXPECT_THAT(selector->terms(),
              ElementsAre(FieldTerm{"", "q", true}, FieldTerm{"a", "x,y=z\\", true},
                          FieldTerm{"b", "", true}, FieldTerm{"z", "1", false}));
  EXPECT_EQ(selector->Text(), "=q,a=x\\,y\\=z\\\\,b=,z!=1");
  EXPECT_EQ(selector->Exact("b"), "");
  EXPECT_EQ(selector->Exact("z"), std::nullopt);
  EXPECT_TRUE(FieldSelector::Parse("")->empty());
}

TEST(FieldSelectorTest, BadTextsGetKubernetesErrors) {
  EXPECT_EQ(FieldError("v1", "ConfigMap", "metadata.name"),
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
  EXPECT_EQ(FieldError("v1", "ConfigMap", "metadata.name>1"),
            "invalid selector: 'metadata.name>1'; can't understand 'metadata.name>1'");
  EXPECT_EQ(FieldError("v1", "ConfigMap", "metadata.name=a\\x"),
            "invalid field selector: invalid escape sequence: \\x");
  EXPECT_EQ(FieldError("v1", "ConfigMap", "metadata.name=a\\"),
            "invalid field selector: invalid escape sequence: \\");
  EXPECT_EQ(FieldError("v1", "ConfigMap", "metadata.name=a=b"),
            "invalid field selector: unescaped character in value: 61");
}

TEST(FieldSelectorTest, EachKindHasItsFields) {
  EXPECT_EQ(FieldError("v1", "ConfigMap", "data.k=v"),
            "\"data.k\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
  EXPECT_EQ(FieldError("apps/v1", "ReplicaSet", "status.replicas=3"),
            "\"status.replicas\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
  EXPECT_EQ(FieldError("v1", "Pod", "spec.nope=v"), "field label not supported: spec.nope");
  EXPECT_EQ(FieldError("v1", "Secret", "kind=1"), "field label not supported: kind");
  EXPECT_EQ(FieldError("v1", "Node", "metadata.namespace=x"),
            "field label not supported: metadata.namespace");
  EXPECT_EQ(FieldError("batch/v1", "Job", "nope=true"),
            "field label \"nope\" not supported for Job");
  EXPECT_EQ(FieldError("certificates.k8s.io/v1", "CertificateSigningRequest", "nope=true"),
            "field label not supported: nope");
  EXPECT_EQ(FieldError("resource.k8s.io/v1", "ResourceSlice", "nope=true"),
            "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: nope");
  EXPECT_EQ(FieldError("v1", "Event", "involvedObject.kind=Pod,involvedobject.uid=x"),
            "field label not supported: involvedobject.uid");
  EXPECT_EQ(FieldError("events.k8s.io/v1", "Event", "involvedObject.name=web"),
            "field label not supported: involvedObject.name");
}

TEST(FieldSelectorTest, OldAndNewNamesMeanTheStoredField) {
  EXPECT_EQ(FieldError("v1", "Pod", "spec.host=n1"), "spec.nodeName=n1");
  EXPECT_EQ(FieldError("events.k8s.io/v1", "Event", "regarding.name!=web,reportingController=c"),
            "involvedObject.name!=web,reportingComponent=c");
  EXPECT_THAT(FieldNames(KindOf("v1", "Service")),
              ElementsAre("spec.clusterIP", "spec.type"));
  EXPECT_THAT(FieldNames(KindOf("v1", "ConfigMap")), ElementsAre());
}

TEST(FieldSelectorTest, TheSchemaNamesTheSameFields) {
  for (const KindInfo* kind : BuiltInKinds()) {
    for (const std::string_view field : kind->selectable_fields) {
      const auto selector = FieldSelector::Parse(std::string(field) + "=x");
      EXPECT_TRUE(selector->For(*kind)) << kind->kind << " " << field;
    }
  }
}

TEST(FieldSelectorTest, ValuesComeFromTheStoredObject) {
  const KindInfo& pod = KindOf("v1", "Pod");
  const Json object = Json::parse(R"({"metadata":{"name":"a","namespace":"ns"},
      "spec":{"nodeName":"n1","hostNetwork":true},
      "status":{"podIP":"10.1.2.3","podIPs":[{"ip":"10.1.2.3"},{"ip":"fd00::1"}]}})");
  EXPECT_EQ(ValueOf(pod, object, "spec.nodeName"), "n1");
  EXPECT_EQ(ValueOf(pod, object, "spec.hostNetwork"), "true");
  EXPECT_EQ(ValueOf(pod, object, "status.podIP"), "10.1.2.3");
  EXPECT_EQ(ValueOf(pod, object, "status.podIPs"), "");
  EXPECT_EQ(ValueOf(pod, object, "status.phase"), "");
  EXPECT_EQ(ValueOf(pod, Json::object(), "spec.hostNetwork"), "false");
  EXPECT_EQ(ValueOf(KindOf("v1", "Node"), Json::object(), "spec.unschedulable"), "false");
  const Json job = {{"status", {{"succeeded", 3}}}};
  EXPECT_EQ(ValueOf(KindOf("batch/v1", "Job"), job, "status.successful"), "3");
  EXPECT_EQ(ValueOf(KindOf("batch/v1", "Job"), Json::object(), "status.successful"), "0");
  const Json event = {{"reportingComponent", "r"}, {"source", Json::object()}};
  EXPECT_EQ(ValueOf(KindOf("v1", "Event"), event, "source"), "r");
  const auto selector = FieldSelector::Parse("spec.host=n1,metadata.name!=b")->For(pod);
  const auto find = [&](std::string_view field) { return ValueOf(pod, object, field); };
  EXPECT_TRUE(selector->MatchesBy(find));
}

TEST(FieldSelectorTest, KindsMadeAtRunTimeHaveTheFieldsOfTheirBehaviour) {
  const Type type = {.shape = Shape::kStruct};
  constexpr SelectableField kFields[] = {{"spec.color"}, {"spec.n"}};
  const KindBehaviour behaviour = {.selectable = {kFields, false, &UnsupportedField}};
  const KindInfo kind = {.group = "example.com",
                         .api_version = "example.com/v1",
                         .kind = "Sel",
                         .namespaced = false,
                         .type = &type,
                         .behaviour = &behaviour};
  EXPECT_TRUE(FieldSelector::Parse("spec.color=red,metadata.name=a")->For(kind));
  for (const char* field : {"spec.host", ".spec.color", "metadata.namespace"}) {
    EXPECT_EQ(FieldSelector::Parse(std::string(field) + "=x")->For(kind).error().message,
              std::string("field label not supported: ") + field);
  }
  EXPECT_THAT(FieldNames(kind), ElementsAre("spec.color", "spec.n"));
  EXPECT_EQ(ValueOf(kind, {{"spec", {{"n", 5}}}}, "spec.n"), "5");
}

}  // namespace
}  // namespace skiff
