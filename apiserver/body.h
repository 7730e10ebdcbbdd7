// Request bodies: what they say they are, decoded as what the endpoint wants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/decode.h"
#include "api/struct_text.h"
#include "api/type.h"
#include "api/values.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

// The body as JSON text whatever its Content-Type; UnsupportedMediaType for a type nobody knows.
// `what` names the wanted kind in errors.
Result<std::string> BodyAsJson(const http::Request& request, std::string_view what);

// A body that should hold one object of `kind`, or of a kind that the endpoint takes in its place
// (Scale, Binding): in normal form. Kind and apiVersion may be absent.
struct WantedType {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  const Type* type;
  std::string_view old_version = {};  // Of the group, of the same form, and taken as well.
};
inline WantedType WantedOf(const KindInfo& kind) {
  return {kind.group, kind.version, kind.kind, kind.type};
}
Result<Decoded> DecodeBody(const http::Request& request, const WantedType& wanted,
                           FieldValidation validation);
// The same, straight into `object`, a fresh struct of the wanted type.
Result<TextNotes> DecodeBodyInto(const http::Request& request, const WantedType& wanted,
                                 FieldValidation validation, void* object);
// The same for JSON text that came from elsewhere.
Result<Decoded> DecodeText(std::string_view json, const WantedType& wanted,
                           FieldValidation validation);

// meta/v1 DeleteOptions, of meta or of the endpoint's own group.
Result<Json> DecodeDeleteOptions(const http::Request& request, std::string_view group,
                                 std::string_view version);

}  // namespace skiff
