// Validation of StatefulSets.
#pragma once

namespace skiff {

class Violations;

namespace apps_v1 {
struct StatefulSet;
}

void ValidateStatefulSet(const apps_v1::StatefulSet& object, Violations& out);
void ValidateStatefulSetUpdate(const apps_v1::StatefulSet& object, const apps_v1::StatefulSet& old,
                               Violations& out);
void ValidateStatefulSetStatus(const apps_v1::StatefulSet& object, const apps_v1::StatefulSet& old,
                               Violations& out);

}  // namespace skiff
