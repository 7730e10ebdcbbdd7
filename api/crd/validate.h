// Whether a document is valid under its schema, in the words of kube-openapi's validator and of
// apiextensions-apiserver.
#pragma once

#include <string>

#include "api/crd/schema.h"
#include "api/crd/unchanged.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// A value before an update, and what the update leaves as it is: that is not looked at again.
struct Before {
  const Json* old = nullptr;  // Null: nothing was there.
  const Unchanged& unchanged;
};

// Of an object; `before` is null on create.
void ValidateValue(const Schema& schema, const Json& value, const Before* before, Violations& out);

// The same of what stands at `status`, in texts that begin there.
void ValidateStatus(const Schema& schema, const Json& value, const Before* before,
                    Violations& out);

// The same of a default, which stands at `at` in a definition.
void ValidateDefault(const Schema& schema, const Json& value, const FieldPath& at, Violations& out);

// apiVersion, kind and metadata of embedded resources. `at`: where the value stands; the root of an
// object is none of them.
void ValidateEmbedded(const Schema& schema, const Json& value, const FieldPath& at,
                      Violations& out);

// Items of lists that are sets or maps occur once. Not asked where `old` was wrong already.
void ValidateLists(const Schema& schema, const Json& value, const Json* old, Violations& out);

}  // namespace skiff::crd
