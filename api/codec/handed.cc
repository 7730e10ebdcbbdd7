#include "api/codec/handed.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "api/codec/struct_fields.h"
#include "api/codec/struct_text.h"
#include "api/text/time_text.h"
#include "api/text/utf8.h"

namespace skiff {

const std::string& HandedObject::Text() const {
  if (!text_) AppendStruct(type_, object_.get(), text_.emplace());
  return *text_;
}

const std::string& HandedPatch::Text() const {
  if (!text_) text_ = make_text_();
  return *text_;
}

const void* HandedPatch::ChangedFrom(const Type& type, const std::string& version) const {
  return IsOf(type, version) ? changed_.get() : nullptr;
}

const HandedPatch::Member* HandedPatch::MemberChangedFrom(const Type& type,
                                                          const std::string& version) const {
  return member_ && IsOf(type, version) ? &*member_ : nullptr;
}

std::shared_ptr<const void> SharedAs(const Handed* handed, const Type& type) {
  const auto* object = dynamic_cast<const HandedObject*>(handed);
  return object != nullptr && &object->type() == &type ? object->object() : nullptr;
}

const void* HandedAs(const Handed* handed, const Type& type) {
  return SharedAs(handed, type).get();
}

namespace {

const Type& Innermost(const Type& type) {
  const Type* inner = &type;
  while (inner->element != nullptr) inner = inner->element;
  return *inner;
}

// Of structures those fields that hold something somewhere.
using FieldsOf = std::unordered_map<const Type*, std::vector<const Field*>>;

bool IsTime(const Type& type) {
  return type.shape == Shape::kTime || type.shape == Shape::kMicroTime;
}

bool MayHoldTime(const Type& type, const FieldsOf& found) {
  const Type& inner = Innermost(type);
  return IsTime(inner) || found.contains(&inner);
}

// Some types hold themselves: it is looked at them until no more are found.
FieldsOf FindFieldsWithTimes() {
  FieldsOf found;
  for (size_t before = 0, round = 0; round == 0 || found.size() > before; ++round) {
    before = found.size();
    for (const Type* type : BuiltInTypes()) {
      std::vector<const Field*> fields;
      for (const Field& field : type->fields) {
        if (MayHoldTime(*field.type, found)) fields.push_back(&field);
      }
      if (!fields.empty()) found[type] = std::move(fields);
    }
  }
  return found;
}

// As deep as the types are that hold times, none of which holds itself.
void RoundIn(const Type& type, const FieldsOf& times, void* value) {
  if (IsTime(type)) {
    Time& time = *static_cast<Time*>(value);
    Instant instant = time.instant();
    instant.nanos -= type.shape == Shape::kTime ? instant.nanos : instant.nanos % 1000;
    time = Time(instant);
  } else if (type.shape == Shape::kList) {
    for (size_t i = 0; i < type.list->size(value); ++i) {
      RoundIn(*type.element, times, const_cast<void*>(type.list->at(value, i)));
    }
  } else if (type.shape == Shape::kMap) {
    const auto round = [&](const void* each) {
      RoundIn(*type.element, times, const_cast<void*>(each));
    };
    type.map->each(
        value, const_cast<void*>(static_cast<const void*>(&round)),
        [](void* context, const std::string&, const void* each) {
          (*static_cast<decltype(round)*>(context))(each);
        });
  } else if (type.shape == Shape::kStruct) {
    const auto fields = times.find(&type);
    if (fields == times.end()) return;
    for (const Field* field : fields->second) {
      void* const place = MemberOf(value, *field);
      void* const member =
          field->pointer ? const_cast<void*>(field->pointer_ops->get(place)) : place;
      if (member != nullptr) RoundIn(*field->type, times, member);
    }
  }
}

// Where a value of a type holds text. A table of its own: those of the schema are ten times as
// large, and most fields hold none.
struct TextPlan {
  struct Member {
    size_t offset;
    const PointerOps* pointer;  // nullptr: the value itself is there.
    const TextPlan* plan;
  };
  const Type& type;
  const TextPlan* element = nullptr;  // Of lists and maps; nullptr: those hold none.
  std::vector<Member> members = {};   // Of structures.
};
using TextPlans = std::unordered_map<const Type*, TextPlan>;

// nullptr: it holds none. Some types hold themselves.
const TextPlan* PlanOfText(const Type& type, TextPlans& plans) {
  const bool is_text = type.shape == Shape::kString || type.shape == Shape::kIntOrString ||
                       type.shape == Shape::kJson;
  const bool is_many = type.shape == Shape::kList || type.shape == Shape::kMap;
  if (!is_text && !is_many && type.shape != Shape::kStruct) return nullptr;
  const auto [place, is_new] = plans.try_emplace(&type, TextPlan{type});
  TextPlan& plan = place->second;
  if (!is_new) return &plan;
  if (is_many) plan.element = PlanOfText(*type.element, plans);
  for (const Field& field : type.fields) {
    const TextPlan* const held = PlanOfText(*field.type, plans);
    const PointerOps* const pointer = field.pointer ? field.pointer_ops : nullptr;
    if (held != nullptr) plan.members.push_back({field.offset, pointer, held});
  }
  return &plan;
}

TextPlans PlansOfText() {
  TextPlans plans;
  for (const Type* type : BuiltInTypes()) PlanOfText(*type, plans);
  return plans;
}

// Every text in a value is looked at, but for times and the like, which are UTF-8 by themselves. As
// deep as the value is.
bool IsUtf8In(const TextPlan& plan, const void* value) {
  const Type& type = plan.type;
  switch (type.shape) {
    case Shape::kString:
      return IsUtf8(*static_cast<const std::string*>(value));
    case Shape::kIntOrString:
      return IsUtf8(static_cast<const IntOrString*>(value)->text());
    case Shape::kJson:
      return IsUtf8(static_cast<const RawJson*>(value)->Text());
    case Shape::kList: {
      const size_t size = plan.element == nullptr ? 0 : type.list->size(value);
      for (size_t i = 0; i < size; ++i) {
        if (!IsUtf8In(*plan.element, type.list->at(value, i))) return false;
      }
      return true;
    }
    case Shape::kMap: {
      struct Context {
        const TextPlan* element;
        bool is_utf8;
      } context{plan.element, true};
      type.map->each(value, &context, [](void* to, const std::string& key, const void* each) {
        auto& [element, is_utf8] = *static_cast<Context*>(to);
        is_utf8 = is_utf8 && IsUtf8(key) && (element == nullptr || IsUtf8In(*element, each));
      });
      return context.is_utf8;
    }
    default:
      return std::all_of(plan.members.begin(), plan.members.end(), [&](const auto& member) {
        const void* const place = static_cast<const char*>(value) + member.offset;
        const void* const held = member.pointer ? member.pointer->get(place) : place;
        return held == nullptr || IsUtf8In(*member.plan, held);
      });
  }
}

// Of a built-in type.
bool IsUtf8In(const Type& type, const void* value) {
  static const TextPlans kPlans = PlansOfText();
  const auto plan = kPlans.find(&type);
  return plan != kPlans.end() && IsUtf8In(plan->second, value);
}

}  // namespace

Result<StructPtr> CopyAsRead(const Type& type, const void* object) {
  if (IsUtf8In(type, object)) {
    StructPtr copy(type.ops->copy(object), type.ops->destroy);
    RoundTimes(type, copy.get());
    return copy;
  }
  std::string text;
  AppendStruct(type, object, text);
  StructPtr read = MakeStruct(type);
  TRY(DecodeStruct(type, text, FieldValidation::kIgnore, read.get()));
  return read;
}

void RoundTimes(const Type& type, void* object) {
  static const FieldsOf kTimes = FindFieldsWithTimes();
  RoundIn(type, kTimes, object);
}

}  // namespace skiff
