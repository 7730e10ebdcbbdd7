// Of most objects a patch goes into one member: only those that it may go into become a document,
// and are read again.
#pragma once

#include <vector>

#include "api/type.h"
#include "api/values.h"
#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"

namespace skiff {

using StructMembers = std::vector<const Field*>;

// Whether a patch may change the account of who owns which field: few do, and to make it a document
// and read it again costs more than the rest. A name can be escaped.
bool MayNameOwners(const ApiRequest& request);
// Those that a patch goes into; all, where that cannot be told by its names, or where it puts parts
// that it does not go into in order, as a strategic one does.
StructMembers TouchedMembers(const Type& type, const ApiRequest& request);
// What the kind is, and these members.
Json DocumentOfMembers(const Object& object, const StructMembers& members);
void ClearMembers(const StructMembers& members, Object& object);

}  // namespace skiff
