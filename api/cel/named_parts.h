// Which parts of a document an expression names: `object.spec.replicas > 1` needs no other. What it
// does not say by name (`object[key]`, `object == oldObject`) it needs whole.
#pragma once

#include "api/cel/program.h"
#include "api/codec/document_parts.h"

namespace skiff::cel {

// `slot`: the place of the variable among those of the environment.
void AddNamedParts(const Program& program, int slot, DocumentParts& parts);

}  // namespace skiff::cel
