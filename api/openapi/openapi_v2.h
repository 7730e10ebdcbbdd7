// OpenAPI v2, one document of everything, as older clients read it: in JSON, and in protobuf for
// kubectl before 1.27 and Helm.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/openapi/discovery.h"
#include "api/values.h"

namespace skiff {

// The documents of other servers, each asked for when the one before is taken in: one as it was
// sent takes many times what it takes packed. nullopt: that were all. Empty: there are none.
using NextDocument = std::function<std::optional<Json>()>;

// Some 2 MB of text, made anew each time; gzipped a tenth of it. `others` are documents of other
// servers, with what of them is to be seen (merge_v2.h); of two that tell of one path the first
// counts.
std::string OpenApiV2Document(KindList kinds, const NextDocument& others = {});
// The same as a message openapi.v2.Document, what clients ask for as
// application/com.github.proto-openapi.spec.v2@v1.0+protobuf.
std::string OpenApiV2Protobuf(KindList kinds, const NextDocument& others = {});

}  // namespace skiff
