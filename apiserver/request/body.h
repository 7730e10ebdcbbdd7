// Request bodies: what they say they are, decoded as what the endpoint wants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/decode.h"
#include "api/codec/handed.h"
#include "api/codec/struct_text.h"
#include "api/type.h"
#include "api/values.h"
#include "apiserver/request/request_context.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

// Fails for a body that was not read to its end.
Result<> CheckBodySize(const http::Request& request);

// The body as JSON text whatever its Content-Type; UnsupportedMediaType for a type nobody knows.
// `what` names the wanted kind in errors.
Result<std::string> BodyAsJson(const http::Request& request, std::string_view what);

// A body that should hold one object of `kind`, or of a kind that the endpoint takes in its place
// (Scale, Binding). Kind and apiVersion may be absent.
struct WantedType {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  const Type* type;
  std::string_view old_version = {};  // Of the group, of the same form, and taken as well.
  bool is_alone = false;              // Who reads it knows no other type, and says so of any other.
};
inline WantedType WantedOf(const KindInfo& kind) {
  return {kind.group, kind.version, kind.kind, kind.type};
}
// What a body of that type is told which can be read, but not be turned into what is kept.
Error CannotBeHandled(const WantedType& wanted, std::string_view why);
// What one is told that is not of that type, or cannot be read, where no other type is known.
Error NothingElseRegistered(const WantedType& wanted);
// Straight into `object`, a fresh struct of the wanted type.
Result<TextNotes> DecodeBodyInto(const http::Request& request, const WantedType& wanted,
                                 FieldValidation validation, void* object);
void AddStrictWarnings(const std::vector<std::string>& strict_errors, FieldValidation validation,
                       ApiRequest& request);

// The same as a T, whose kind need not be that of the URL; unknown and repeated fields are warned
// of where they are no errors.
template <typename T>
Result<T> ReadBody(ApiRequest& request, const WantedType& wanted, FieldValidation validation) {
  T object;
  if (const T* handed = HandedAs<T>(request.http.handed.get())) {
    const StructPtr copy = TRY(CopyAsRead(T::Describe(), handed));
    return std::move(*static_cast<T*>(copy.get()));
  }
  const TextNotes notes = TRY(DecodeBodyInto(request.http, wanted, validation, &object));
  AddStrictWarnings(notes.strict_errors, validation, request);
  return object;
}

// meta/v1 DeleteOptions, of meta or of the endpoint's own group.
Result<Json> DecodeDeleteOptions(const http::Request& request, std::string_view group,
                                 std::string_view version);

}  // namespace skiff
