// OpenAPI v2, one document of everything, as older clients read it: in JSON, and in protobuf for
// kubectl before 1.27 and Helm.
#pragma once

#include <string>
#include <vector>

#include "api/openapi/discovery.h"
#include "api/values.h"

namespace skiff {

// Some 2 MB of text, made anew each time; gzipped a tenth of it. `others` are documents of other
// servers, with what of them is to be seen (merge_v2.h); of two that tell of one path the first
// counts.
std::string OpenApiV2Document(KindList kinds, std::vector<Json> others = {});
// The same as a message openapi.v2.Document, what clients ask for as
// application/com.github.proto-openapi.spec.v2@v1.0+protobuf.
std::string OpenApiV2Protobuf(KindList kinds, std::vector<Json> others = {});

}  // namespace skiff
