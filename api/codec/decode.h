// Request bodies to documents. A document in *normal form* is what Go would write after decoding
// the body into the kind's struct: unknown fields gone, empty optional fields gone, required ones
// and structures held by value present, quantities and times in canonical text. Every document of
// a built-in kind that the server keeps, compares or answers is in normal form.
//
//   const auto pod = TRY(DecodeJson(Pod::Describe(), text, FieldValidation::kStrict)).document;
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

enum class FieldValidation : uint8_t { kIgnore, kWarn, kStrict };

// At most so many unknown and duplicate fields are reported.
inline constexpr size_t kStrictErrorsMax = 100;

struct Decoded {
  Json document;  // In normal form.
  // `unknown field "spec.foo"`, `duplicate field "data.k"`, in the order of the text. With kIgnore:
  // none are looked for.
  std::vector<std::string> strict_errors;
  // Fields outside lists and maps that were given as [], as JSON pointers. The document says
  // nothing of them or null; to the accounts of who owns what, [] is a value all the same.
  std::vector<std::string> empty_lists = {};
};

// JSON text into a document of `type`. Fails with BadRequest and Go's text: of the syntax error if
// there is one, else of the first value that does not fit. Strict errors are no failure here.
Result<Decoded> DecodeJson(const Type& type, std::string_view text, FieldValidation validation);
// The same for a document that came from elsewhere (patches, YAML, CRDs).
Result<Json> Normalize(const Type& type, const Json& document);

// The normal form of an empty value of the type: {} or more for structures, "" for strings, ...
Json ZeroDocument(const Type& type);

// A document in normal form as compact JSON, fields in the order of the table.
void AppendDocument(const Type& type, const Json& document, std::string& out);
// The same for any value of a table.
void AppendValue(const Type& type, const Json& value, std::string& out);
std::string EncodeDocument(const Type& type, const Json& document);

// What a body says it is, without decoding it.
struct TypeMeta {
  std::string api_version;
  std::string kind;
  bool operator==(const TypeMeta&) const = default;
};
// Checks the syntax of the whole text. Fails with Go's text of decoding into
// struct{APIVersion, Kind}.
Result<TypeMeta> PeekTypeMeta(std::string_view json);
// The same of a document, of which the rest is not looked at.
Result<TypeMeta> TypeMetaOf(const Json& document);

// What Go calls its schemes: most of them, and that of the kinds that kube-apiserver serves.
inline constexpr std::string_view kRuntimeScheme = "pkg/runtime/scheme.go:111";
inline constexpr std::string_view kLegacyScheme = "pkg/api/legacyscheme/scheme.go:30";
// `no kind "X" is registered for version "g/v" in scheme "pkg/..."`; where that is "", its end is
// left out.
std::string NoKindRegistered(const TypeMeta& meta, std::string_view scheme);

}  // namespace skiff
