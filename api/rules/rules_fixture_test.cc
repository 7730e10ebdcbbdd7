#include "api/rules/rules_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/codec/typed.h"
#include "api/kinds/behaviour.h"
#include "api/registry.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

constexpr TimePoint kNow{1'700'000'000s};

const KindInfo& KindOf(const Json& document) {
  const auto kinds = KindsWith({KindsOnRequest().begin(), KindsOnRequest().end()});
  const auto found = std::ranges::find_if(kinds, [&](const KindInfo* kind) {
    return kind->api_version == document.at("apiVersion").get<std::string>() &&
           kind->kind == document.at("kind").get<std::string>();
  });
  CHECK(found != kinds.end());
  return **found;
}

// A struct of any kind, with its defaults.
class Object {
 public:
  explicit Object(const Json& document)
      : kind_(KindOf(document)),
        rules_(kind_.behaviour->rules),
        object_(kind_.type->ops->create()) {
    CHECK(rules_ != &kPlainRules);
    const auto read = FromJson(*kind_.type, document, object_);
    CHECK(read.has_value());
    if (rules_->set_defaults) rules_->set_defaults(object_);
  }
  ~Object() { kind_.type->ops->destroy(object_); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void* get() { return object_; }
  const Rules& rules() const { return *rules_; }
  Json Document() const { return ToJson(*kind_.type, object_); }
  void PrepareCreate() {
    if (rules_->prepare_create) rules_->prepare_create(object_);
    if (rules_->stamp) rules_->stamp(object_, nullptr, kNow);
  }
  void PrepareUpdate(Object& old) {
    if (rules_->prepare_update) rules_->prepare_update(object_, old.get());
    if (rules_->stamp) rules_->stamp(object_, old.get(), kNow);
  }
  void PrepareStatusUpdate(Object& old) {
    if (rules_->prepare_status_update) rules_->prepare_status_update(object_, old.get());
    if (rules_->stamp) rules_->stamp(object_, old.get(), kNow);
  }

 private:
  const KindInfo& kind_;
  const Rules* rules_;
  void* object_;
};

Sentences TextsOf(const Violations& violations) {
  Sentences texts;
  for (const Cause& cause : violations.causes())
    texts.push_back(cause.field + ": " + cause.message);
  return texts;
}

}  // namespace

Json Parsed(std::string_view document) {
  return Json::parse(document);
}

Json Defaulted(const Json& document) {
  return Object(document).Document();
}

Json Created(const Json& document) {
  Object object(document);
  object.PrepareCreate();
  return object.Document();
}

Json Updated(const Json& old, const Json& document) {
  Object before(old);
  Object object(document);
  object.PrepareUpdate(before);
  return object.Document();
}

Json StatusUpdated(const Json& old, const Json& document) {
  Object before(old);
  Object object(document);
  object.PrepareStatusUpdate(before);
  return object.Document();
}

Sentences CreateErrors(const Json& document) {
  Object object(document);
  object.PrepareCreate();
  Violations out;
  if (object.rules().validate) object.rules().validate(object.get(), out);
  return TextsOf(out);
}

Sentences UpdateErrors(const Json& old, const Json& document) {
  Object before(old);
  Object object(document);
  object.PrepareUpdate(before);
  Violations out;
  const auto& validate = object.rules().validate_update;
  if (validate) validate(object.get(), before.get(), out);
  return TextsOf(out);
}

Sentences StatusErrors(const Json& old, const Json& document) {
  Object before(old);
  Object object(document);
  object.PrepareStatusUpdate(before);
  Violations out;
  const auto& validate = object.rules().validate_status_update;
  if (validate) validate(object.get(), before.get(), out);
  return TextsOf(out);
}

Sentences CreateWarnings(const Json& document) {
  Object object(document);
  object.PrepareCreate();
  Sentences texts;
  if (object.rules().warnings) object.rules().warnings(object.get(), nullptr, texts);
  return texts;
}

Sentences UpdateWarnings(const Json& old, const Json& document) {
  Object before(old);
  Object object(document);
  object.PrepareUpdate(before);
  Sentences texts;
  if (object.rules().warnings) object.rules().warnings(object.get(), before.get(), texts);
  return texts;
}

Sentences StatusWarnings(const Json& old, const Json& document) {
  Object before(old);
  Object object(document);
  object.PrepareStatusUpdate(before);
  Sentences texts;
  if (object.rules().status_warnings) object.rules().status_warnings(object.get(), texts);
  return texts;
}

Json With(Json document, const std::string& pointer, const Json& value) {
  document[Json::json_pointer(pointer)] = value;
  return document;
}

// Every kind that has rules keeps them when run over what they made themselves.
TEST(Rules, DefaultsDoNothingTheSecondTime) {
  for (const KindInfo* kind : BuiltInKinds()) {
    const Rules* rules = kind->behaviour->rules;
    if (!rules->set_defaults) continue;
    void* object = kind->type->ops->create();
    rules->set_defaults(object);
    const Json once = ToJson(*kind->type, object);
    rules->set_defaults(object);
    EXPECT_EQ(ToJson(*kind->type, object), once) << kind->kind;
    kind->type->ops->destroy(object);
  }
}

TEST(Rules, BelongToOneKindEach) {
  size_t count = 0;
  for (const KindInfo* kind : BuiltInKinds()) {
    const Rules* rules = kind->behaviour->rules;
    if (rules == &kPlainRules) continue;
    ++count;
    EXPECT_EQ(&rules->kind(), kind);
  }
  EXPECT_GT(count, 50u);
}

}  // namespace skiff
