// Structs as Kubernetes prints them in errors: not the documents of the API but its internal types,
// whose fields have Go's names, all of them, in the order of their declaration.
//
//   {"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/typed.h"
#include "api/violations.h"

namespace skiff {

// The internal fields of a type, separated by blanks; "" when it prints as its documents do.
std::string_view GoFields(std::string_view type);

// On one line, or with `indent` on many, one blank a level.
std::string GoStructText(const Type& type, const Json& document, bool indent);

template <ApiType T>
Printed GoStruct(const T& object) {
  return Printed::Verbatim(GoStructText(T::Describe(), ToJson(object), false));
}

template <ApiType T>
Printed GoStruct(const std::vector<T>& list) {
  std::string text = "[";
  for (const T& object : list) text += (text.size() > 1 ? "," : "") + GoStruct(object).text();
  return Printed::Verbatim(text + "]");
}

// What changed, as a unified diff with three lines of context and without file names.
template <ApiType T>
std::string GoStructDiff(const T& old, const T& object);

std::string UnifiedDiff(std::string_view old_text, std::string_view new_text);

template <ApiType T>
std::string GoStructDiff(const T& old, const T& object) {
  return UnifiedDiff(GoStructText(T::Describe(), ToJson(old), true),
                     GoStructText(T::Describe(), ToJson(object), true));
}

}  // namespace skiff
