// Generated structs as expressions see documents, without a document: what is named is looked at
// where it lies.
//
//   const cel::Value pod = ShowStruct(core_v1::Pod::Describe(), &typed);   // pod.spec.containers
//
// Every value is the one that ToJson's document of the struct would have there.
#pragma once

#include "api/cel/value.h"
#include "api/codec/document_parts.h"
#include "api/type.h"

namespace skiff {

// `type` is one of the schema's, a kStruct with a generated struct; `object`, one of those,
// outlives the value, and does not change while it is there. Thread-safe.
cel::Value ShowStruct(const Type& type, const void* object);

// Whether all that the parts name can be shown without making it at each look, which a document
// does once: names of structs that lead to scalars, or to lists and maps of those.
bool IsSeenAsItLies(const Type& type, const DocumentParts& parts);

}  // namespace skiff
