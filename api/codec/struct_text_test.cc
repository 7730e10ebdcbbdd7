// Structs and text without a document between must say what they say with one: each routine here
// is held against its twin over documents, for every type of the schema.
#include "api/codec/struct_text.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "api/codec/json.h"
#include "api/codec/sample_document.h"
#include "api/codec/typed.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/kinds/behaviour.h"
#include "api/patch/field_set.h"
#include "api/select/selector.h"

namespace skiff {
namespace {

class AnyStruct {
 public:
  explicit AnyStruct(const Type& type)
      : type_(type), object_(type.ops->create(), type.ops->destroy) {}
  void* raw() { return object_.get(); }
  Json Document() const { return ToJson(type_, object_.get()); }
  std::string Text() const {
    std::string text;
    AppendStruct(type_, object_.get(), text);
    return text;
  }

 private:
  const Type& type_;
  std::unique_ptr<void, void (*)(void*)> object_;
};

// Documents near `document`: each member of each object on its own null, empty, of another shape,
// given a second time, or beside an unknown one.
void VisitNear(const Json& document, const std::function<void(const std::string&)>& visit) {
  visit(DumpJson(document));
  const Json flat = document.flatten();
  size_t nth = 0;
  for (const auto& [pointer, value] : flat.items()) {
    // Every place of a small document, some of a large one.
    if (flat.size() > 40 && ++nth % (flat.size() / 8) != 0) continue;
    static const std::vector<Json> kOthers = {nullptr,          "",  "text", 7,   -1.5, true,
                                              Json::array(), Json::object(), "0001-01-01T00:00:00Z",
                                              "2026-01-02T03:04:05.678901234+01:00", "1e3"};
    for (const Json& other : kOthers) {
      Json changed = document;
      changed[Json::json_pointer(pointer)] = other;
      visit(DumpJson(changed));
      const auto parent = Json::json_pointer(pointer).parent_pointer();
      if (parent.empty()) continue;
      changed = document;
      changed[parent] = other;
      visit(DumpJson(changed));
    }
    Json more = document;
    Json& parent = more[Json::json_pointer(pointer).parent_pointer()];
    if (!parent.is_object()) continue;
    parent["zzz"] = value;
    const std::string unknown = DumpJson(more);
    visit(unknown);
    if (pointer.empty()) continue;
    // No document says a member twice.
    std::string twice = unknown;
    const std::string name = Json(Json::json_pointer(pointer).back()).dump();
    visit(twice.replace(twice.find("\"zzz\""), std::string_view("\"zzz\"").size(), name));
  }
}

void ExpectTwins(const Type& type, const std::string& text) {
  AnyStruct direct(type);
  const auto notes = DecodeStruct(type, text, FieldValidation::kStrict, direct.raw());
  const auto decoded = DecodeJson(type, text, FieldValidation::kStrict);
  ASSERT_EQ(notes.has_value(), decoded.has_value()) << type.name << " " << text;
  if (!notes) {
    EXPECT_EQ(notes.error().message, decoded.error().message) << type.name << " " << text;
    return;
  }
  EXPECT_EQ(notes->strict_errors, decoded->strict_errors) << text;
  EXPECT_EQ(notes->empty_lists, decoded->empty_lists) << text;
  AnyStruct around(type);
  ASSERT_TRUE(FromJson(type, decoded->document, around.raw()).has_value()) << text;
  const Json document = direct.Document();
  EXPECT_EQ(document, around.Document()) << type.name << " " << text;
  EXPECT_EQ(*ParseJson(direct.Text()), document) << text;
  AnyStruct again(type);
  ASSERT_TRUE(DecodeStruct(type, direct.Text(), FieldValidation::kIgnore, again.raw()));
  EXPECT_EQ(again.Text(), direct.Text());
}

TEST(StructText, IsDecodedAsThroughADocument) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct || type->ops == nullptr) continue;
    if (type->name == "JSONSchemaProps") continue;  // Deep: a CustomResourceDefinition has one.
    VisitNear(SampleDocument(*type, 1),
              [&](const std::string& text) { ExpectTwins(*type, text); });
    if (HasFatalFailure()) return;
  }
}

TEST(StructText, StandsInTheOrderOfTheTable) {
  for (const KindInfo* kind : BuiltInKinds()) {
    AnyStruct object(*kind->type);
    const Json sample = SampleDocument(*kind->type, 1);
    ASSERT_TRUE(FromJson(*kind->type, sample, object.raw()));
    EXPECT_EQ(object.Text(), EncodeDocument(*kind->type, object.Document())) << kind->kind;
  }
}

TEST(StructText, LaterMembersAreMergedIntoEarlierOnes) {
  const Type& type = core_v1::Pod::Describe();
  for (const char* text :
       {R"({"metadata":{"labels":{"a":"b"}},"metadata":{"labels":{"c":"d"}}})",
        R"({"metadata":{"labels":{"a":"b","a":"c"}}})",
        R"({"metadata":{"labels":{"a":"b"},"labels":{"a":null}}})",
        R"({"metadata":{"labels":{"a":"b"},"labels":null}})",
        R"({"metadata":{"finalizers":["a"],"finalizers":["b","c"]}})",
        R"({"spec":{"containers":[{"name":"a"}],"containers":[{"image":"b"}]}})",
        R"({"spec":{"securityContext":{"runAsUser":1},"securityContext":{"runAsGroup":2}}})",
        R"({"spec":{"securityContext":{"runAsUser":1},"securityContext":null}})",
        R"({"spec":{"overhead":{"cpu":"1"},"overhead":{"cpu":null}}})",
        R"({"metadata":{"creationTimestamp":"2026-01-02T03:04:05Z","creationTimestamp":null}})",
        R"({"kind":"Pod","kind":"X","apiVersion":null})"}) {
    ExpectTwins(type, text);
  }
}

TEST(StructText, SaysWhatTheTextSaysItIs) {
  core_v1::Pod pod;
  const auto notes =
      DecodeStruct(core_v1::Pod::Describe(),
                   R"({"kind":"A","apiVersion":"b/c","spec":{"volumes":[{"ephemeral":
                      {"volumeClaimTemplate":{"kind":"inner"}}}]}})",
                   FieldValidation::kIgnore, &pod);
  ASSERT_TRUE(notes);
  EXPECT_EQ(notes->meta, (TypeMeta{"b/c", "A"}));
}

TEST(StructText, HasAPlaceForTheRevision) {
  core_v1::ConfigMap map;
  map.metadata.name = "m";
  map.metadata.resource_version = "17";
  map.data["k"] = "resourceVersion";
  ObjectText text = EncodeObjectText(core_v1::ConfigMap::Describe(), &map);
  EXPECT_EQ(text.text, R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"m",)"
                       R"("resourceVersion":""},)"
                       R"("data":{"k":"resourceVersion"}})");
  text.text.insert(text.revision_at, "42");
  EXPECT_EQ((*ParseJson(text.text))["metadata"]["resourceVersion"], "42");
}

TEST(StructText, KeepsRawJsonAsItCame) {
  apps_v1::ControllerRevision revision;
  const std::string data = R"({"z": 1, "a": [ 123456789012345678901234567890 , "a \" b" ]})";
  const std::string text = R"({"metadata":{},"data":)" + data + R"(,"revision":1})";
  ASSERT_TRUE(DecodeStruct(apps_v1::ControllerRevision::Describe(), text, FieldValidation::kStrict,
                           &revision));
  EXPECT_EQ(revision.data.Text(), data);
  std::string out;
  AppendStruct(apps_v1::ControllerRevision::Describe(), &revision, out);
  EXPECT_NE(out.find(R"("data":{"z":1,"a":[123456789012345678901234567890,"a \" b"]})"), out.npos)
      << out;
}

TEST(StructText, DiffersWhereDocumentsDiffer) {
  const auto stripped = [](Comparison comparison) {
    for (FieldSet* set : {&comparison.changed, &comparison.removed}) {
      Exclude(*set, "metadata.managedFields");
      Exclude(*set, "apiVersion");
      Exclude(*set, "kind");
    }
    return comparison;
  };
  for (const KindInfo* kind : BuiltInKinds()) {
    const Type& type = *kind->type;
    if (type.Find("metadata") == nullptr) continue;
    const auto expect_twins = [&](AnyStruct& one, AnyStruct& other) {
      const auto direct = stripped(CompareStructs(type, one.raw(), other.raw()));
      const auto around = stripped(Compare({&type, nullptr}, one.Document(), other.Document()));
      EXPECT_EQ(ToJson(direct.changed), ToJson(around.changed)) << kind->kind;
      EXPECT_EQ(ToJson(direct.removed), ToJson(around.removed)) << kind->kind;
    };
    AnyStruct none(type), first(type), second(type);
    ASSERT_TRUE(FromJson(type, SampleDocument(type, 1), first.raw()));
    ASSERT_TRUE(FromJson(type, SampleDocument(type, 2), second.raw()));
    expect_twins(none, first);
    expect_twins(first, none);
    expect_twins(first, second);
    expect_twins(first, first);
    size_t seen = 0;
    VisitNear(first.Document(), [&](const std::string& text) {
      if (++seen % 7 != 0) return;
      AnyStruct near(type);
      if (!DecodeStruct(type, text, FieldValidation::kIgnore, near.raw())) return;
      expect_twins(first, near);
    });
  }
}

TEST(StructText, HasTheSameSelectableFields) {
  for (const KindInfo* kind : BuiltInKinds()) {
    AnyStruct object(*kind->type), none(*kind->type);
    ASSERT_TRUE(FromJson(*kind->type, SampleDocument(*kind->type, 1), object.raw()));
    for (const SelectableField& field : kind->behaviour->selectable.fields) {
      EXPECT_EQ(SelectableValue(field, *kind->type, object.raw()),
                SelectableValue(field, object.Document()))
          << kind->kind << " " << field.field;
      EXPECT_EQ(SelectableValue(field, *kind->type, none.raw()),
                SelectableValue(field, none.Document()))
          << kind->kind << " " << field.field;
    }
  }
}

}  // namespace
}  // namespace skiff
