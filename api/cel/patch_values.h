// What the expressions of mutations come to, as documents.
#pragma once

#include "api/cel/message.h"
#include "api/codec/json.h"
#include "base/error.h"

namespace skiff::cel {

// The configuration that an Object is. Fails with Invalid and Kubernetes' words where a part is
// named after another place than its own, or is of no type that configurations have.
Result<Json> ConfigurationOf(const Value& object);

// The text of the JSON patch that a list of operations is. Fails with Invalid likewise.
Result<std::string> JsonPatchOf(const Value& operations);

}  // namespace skiff::cel
