// Bodies of custom resources: documents, where those of built-in kinds are structs. What a body, a
// patch or an apply makes comes through here, so that nothing behind it has to know.
#pragma once

#include <string>
#include <vector>

#include "api/codec/struct_text.h"
#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"
#include "base/error.h"

namespace skiff {

// How long the text of an object's content may become by defaults, beside metadata of so many
// bytes.
size_t ContentBytesMax(size_t metadata_bytes);
// Refuses an object that its defaults make too large to be kept, unless `old`, of which it is a
// change, came to be so by a schema that changed: then it may go on without them, and says so
// (lacks_defaults). `old` is null on create.
Result<> CheckDefaults(Object& object, const Object* old);

// The object of a document that names its kind or nothing: metadata as ObjectMeta, fields that the
// schema does not know gone, defaults filled in, or none of them (lacks_defaults). `strict_errors`
// gets what fell away, if `validation` wants to know.
Result<Object> CustomObjectOf(const KindInfo& kind, Json document, FieldValidation validation,
                              std::vector<std::string>& strict_errors);

// The object of what apply made of another one, and found to fit the schema: only defaults come.
Result<Object> AppliedObjectOf(const KindInfo& kind, const Json& document);

// The object of a body. Its duplicates and unknown fields are errors or warnings already.
Result<Object> DecodeCustomBody(ApiRequest& request, FieldValidation validation);

// Whether it can be told who owns which field: not of a document of another kind, or of a version
// that its definition does not have (Object::misnamed).
bool HasOwners(const Object& object);

// No object is made while the definition is going.
Result<> CheckTakesNew(const KindInfo& kind, const std::string& name);

}  // namespace skiff
