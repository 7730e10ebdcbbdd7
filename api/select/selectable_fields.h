// By which fields, beyond name and namespace, objects of a kind can be selected, and what is
// compared. Every kind has such a table in its behaviour (api/kinds/behaviour.h).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff {

struct Type;

// How the compared value comes out of the stored object.
enum class SelectableAs : uint8_t {
  kText,         // The string at the path; "" when absent.
  kBool,         // "true" or "false".
  kNumber,       // Decimal; "0" when absent.
  kFirstPodIp,   // status.podIPs[0].ip
  kEmpty,        // Always "".
  kEventSource,  // source.component, or reportingComponent when that is empty.
};

struct SelectableField {
  std::string_view field;        // As clients write it.
  std::string_view stored = "";  // What FieldSelector::For calls it; "": the same.
  SelectableAs as = SelectableAs::kText;
  std::string_view path = "";  // In the stored object; "": name().
  bool is_alias = false;       // Another one has the same name().

  constexpr std::string_view name() const { return stored.empty() ? field : stored; }
};

// The words for any other field.
std::string UnsupportedField(std::string_view field);
std::string UnknownField(std::string_view field);  // Of kinds that have none.

struct SelectableFields {
  std::span<const SelectableField> fields;
  bool by_namespace = true;  // metadata.namespace is accepted.
  std::string (*refusal)(std::string_view field) = &UnknownField;
};

// The value that a field has for selection. `object` is a document as it is stored (an Event as
// core/v1).
std::string SelectableValue(const SelectableField& field, const Json& object);
// The same of a struct of that type.
std::string SelectableValue(const SelectableField& field, const Type& type, const void* object);

}  // namespace skiff
