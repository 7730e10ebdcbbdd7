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
  return &type == &type_ && !version.empty() && version == version_ ? changed_.get() : nullptr;
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

// Every text in a value is looked at, but for times and the like, which are UTF-8 by themselves. As
// deep as the value is.
bool IsUtf8In(const Type& type, const void* value) {
  switch (type.shape) {
    case Shape::kString:
      return IsUtf8(*static_cast<const std::string*>(value));
    case Shape::kIntOrString:
      return IsUtf8(static_cast<const IntOrString*>(value)->text());
    case Shape::kJson:
      return IsUtf8(static_cast<const RawJson*>(value)->Text());
    case Shape::kList:
      for (size_t i = 0; i < type.list->size(value); ++i) {
        if (!IsUtf8In(*type.element, type.list->at(value, i))) return false;
      }
      return true;
    case Shape::kMap: {
      struct Context {
        const Type& element;
        bool is_utf8;
      } context{*type.element, true};
      type.map->each(value, &context, [](void* to, const std::string& key, const void* each) {
        auto& [element, is_utf8] = *static_cast<Context*>(to);
        is_utf8 = is_utf8 && IsUtf8(key) && IsUtf8In(element, each);
      });
      return context.is_utf8;
    }
    case Shape::kStruct:
      return std::all_of(type.fields.begin(), type.fields.end(), [&](const Field& field) {
        const void* const place = MemberOf(value, field);
        const void* const member = field.pointer ? field.pointer_ops->get(place) : place;
        return member == nullptr || IsUtf8In(*field.type, member);
      });
    default:
      return true;
  }
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
