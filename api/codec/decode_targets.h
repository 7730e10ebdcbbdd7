// Where decoders (decode.cc, protobuf_decode.cc) put what they read. A target has the same static
// functions over slots of its own: a document's are places in a tree that is in normal form
// afterwards, a struct's its members.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "api/codec/base64.h"
#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/normal_form.h"
#include "api/text/time_text.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

// So many structs may be in the lists of one body. An empty one is two bytes of it, and a kilobyte
// of memory; none that says anything is so short.
inline constexpr size_t kListedStructsMax = 1 << 18;
inline constexpr const char* kTooManyStructs = "exceeded max number of listed objects";

struct DocumentTarget {
  using Slot = Json*;
  using Place = Json::object_t::iterator;

  static void SetBool(Slot out, bool value) { *out = value; }
  static void SetInteger(const Type&, Slot out, int64_t value) { *out = value; }
  static void SetNumber(Slot out, Json number) { *out = std::move(number); }
  static void SetString(Slot out, std::string_view text) { *out = std::string(text); }
  static void SetBytes(Slot out, std::string bytes) { *out = EncodeBase64(bytes); }
  static void SetDuration(Slot out, int64_t nanoseconds) { *out = FormatGoDuration(nanoseconds); }
  static void SetTime(Slot out, const Instant& instant, TimeForm form) {
    *out = instant.IsGoZero() ? Json() : Json(FormatInstant(instant, form));
  }
  static void SetQuantity(Slot out, Quantity quantity) { *out = quantity.Text(); }
  static void SetEither(Slot out, const IntOrString& either) {
    *out = either.is_string() ? Json(either.text()) : Json(either.value());
  }
  static void SetJson(Slot out, Json value) { *out = std::move(value); }
  static void SetRaw(Slot out, JsonReader& in, JsonToken token) { *out = ReadJson(in, token); }

  static void ClearList(const Type&, Slot out) { *out = Json::array(); }
  static Slot Append(const Type& type, Slot list) {
    list->push_back(ZeroDocument(*type.element));
    return &list->back();
  }
  // Whether the map has members already.
  static bool EnterMap(const Type&, Slot out) {
    const bool merging = out->is_object() && !out->empty();
    if (!out->is_object()) *out = Json::object();
    return merging;
  }
  // The empty value at the key, and whether there was none before.
  static std::pair<Slot, bool> Insert(const Type& type, Slot map, std::string_view key) {
    auto [member, is_new] = map->get_ref<Json::object_t&>().emplace(key, nullptr);
    member->second = ZeroDocument(*type.element);
    return {&member->second, is_new};
  }
  static void EnterStruct(const Type& type, Slot out) {
    if (!out->is_object()) *out = ZeroDocument(type);
  }
  static void SetTypeMeta(Slot out, bool is_kind, std::string_view text) {
    const char* name = is_kind ? "kind" : "apiVersion";
    if (text.empty()) {
      out->erase(name);
    } else {
      (*out)[name] = std::string(text);
    }
  }

  static Place BeginMember(const Field& field, Slot object, bool nil);
  static Slot ValueOf(const Field& field, Place place) {
    if (place->second.is_null()) place->second = ZeroDocument(*field.type);
    return &place->second;
  }
  // Whether the member is a list held by value that was given as [].
  static bool EndMember(const Field& field, Slot object, Place place, bool nil);
};

struct StructTarget {
  using Slot = void*;
  using Place = void*;

  template <typename T>
  static T& As(Slot value) {
    return *static_cast<T*>(value);
  }
  static void SetBool(Slot out, bool value) { As<bool>(out) = value; }
  static void SetInteger(const Type& type, Slot out, int64_t value) {
    if (type.shape == Shape::kInt32) {
      As<int32_t>(out) = static_cast<int32_t>(value);
    } else {
      As<int64_t>(out) = value;
    }
  }
  static void SetNumber(Slot out, const Json& number) { As<double>(out) = number.get<double>(); }
  static void SetString(Slot out, std::string_view text) { As<std::string>(out) = text; }
  static void SetBytes(Slot out, std::string bytes) { As<std::string>(out) = std::move(bytes); }
  static void SetDuration(Slot out, int64_t nanoseconds) {
    As<Duration>(out) = Duration(nanoseconds);
  }
  // What is finer than the form is cut off.
  static void SetTime(Slot out, Instant instant, TimeForm form) {
    instant.nanos -= form == TimeForm::kMicro ? instant.nanos % 1000 : instant.nanos;
    As<Time>(out) = Time(instant);
  }
  static void SetQuantity(Slot out, Quantity quantity) {
    As<Quantity>(out) = std::move(quantity);
  }
  static void SetEither(Slot out, IntOrString either) {
    As<IntOrString>(out) = std::move(either);
  }
  static void SetJson(Slot out, const Json& value) { As<RawJson>(out) = value; }
  static void SetRaw(Slot out, JsonReader& in, JsonToken token) {
    const size_t begin = in.begin();
    in.SkipEntered(token);
    if (in.failed()) return;
    As<RawJson>(out) = RawJson::FromText(in.text().substr(begin, in.position() - begin));
  }

  static void ClearList(const Type& type, Slot out) { type.list->clear(out); }
  static Slot Append(const Type& type, Slot list) { return type.list->append(list); }
  static bool EnterMap(const Type& type, Slot out) { return type.map->size(out) > 0; }
  static std::pair<Slot, bool> Insert(const Type& type, Slot map, std::string_view key) {
    const size_t before = type.map->size(map);
    const Slot value = type.map->insert(map, key);
    const bool is_new = type.map->size(map) > before;
    if (!is_new) Clear(*type.element, value);
    return {value, is_new};
  }
  static void EnterStruct(const Type&, Slot) {}
  static void SetTypeMeta(Slot, bool, std::string_view) {}  // Its type says it.

  static Place BeginMember(const Field& field, Slot object, bool nil);
  static Slot ValueOf(const Field& field, Place place) {
    if (!field.pointer) return place;
    const void* value = field.pointer_ops->get(place);
    return value == nullptr ? field.pointer_ops->emplace(place) : const_cast<void*>(value);
  }
  static bool EndMember(const Field& field, Slot object, Place place, bool nil);
  // Makes a value the zero of its type.
  static void Clear(const Type& type, Slot value);
};

}  // namespace skiff
