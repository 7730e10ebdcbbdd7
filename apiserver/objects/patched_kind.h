// Whether a JSON or merge patch leaves an object what it is.
#pragma once

#include <functional>
#include <string>

#include "api/values.h"
#include "apiserver/objects/patching.h"
#include "base/error.h"

namespace skiff {

// Fails as kube-apiserver does where `patched` says that it is of another kind or version than
// `wanted`, or is a custom resource that does not say what it is: of what that says otherwise it is
// judged later (Object::misnamed). `name` is that of the URL; `shown` makes the text by which an
// error quotes the patched document.
Result<> CheckKindKept(const PatchedKind& wanted, const std::string& name, const Json& patched,
                       const std::function<std::string()>& shown);

}  // namespace skiff
