// The finalize endpoint of namespaces.
#pragma once

namespace skiff {

class Violations;

namespace core_v1 {
struct Namespace;
}

void ValidateNamespaceFinalize(const core_v1::Namespace& object, Violations& out);

}  // namespace skiff
