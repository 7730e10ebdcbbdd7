// The kinds of a small definition, for tests.
#pragma once

#include "api/crd/custom_kind.h"

namespace skiff::crd {

// Of a definition of things.a.io that is established and has these versions.
inline RuntimeKinds ThingsOf(const Json& versions) {
  const Json names = {{"plural", "things"}, {"singular", "thing"}, {"kind", "Thing"}};
  const Json definition = {
      {"metadata", {{"name", "things.a.io"}}},
      {"spec",
       {{"group", "a.io"}, {"scope", "Namespaced"}, {"names", names}, {"versions", versions}}},
      {"status",
       {{"acceptedNames", names},
        {"conditions", {{{"type", "Established"}, {"status", "True"}}}}}}};
  return MakeKinds(definition);
}

}  // namespace skiff::crd
