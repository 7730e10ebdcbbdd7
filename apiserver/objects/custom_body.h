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

// The object of a document that names its kind or nothing: metadata as ObjectMeta, fields that the
// schema does not know gone, defaults filled in. `strict_errors` gets what fell away, if
// `validation` wants to know.
Result<Object> CustomObjectOf(const KindInfo& kind, Json document, FieldValidation validation,
                              std::vector<std::string>& strict_errors);

// The object of what apply made of another one, and found to fit the schema: only defaults come.
Result<Object> AppliedObjectOf(const KindInfo& kind, const Json& document);

// The object of a body. Its duplicates and unknown fields are errors or warnings already.
Result<Object> DecodeCustomBody(ApiRequest& request, FieldValidation validation);

// No object is made while the definition is going.
Result<> CheckTakesNew(const KindInfo& kind, const std::string& name);

}  // namespace skiff
