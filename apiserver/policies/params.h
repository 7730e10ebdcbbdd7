// The objects that a policy is judged with under one binding.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "api/gen/admissionregistration_v1.h"
#include "api/registry.h"
#include "api/values.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

// Null: judged without, once.
using PolicyParams = std::vector<std::shared_ptr<const Json>>;

// A selector of more is an error: the request would never end.
inline constexpr size_t kParamsMax = 10'000;
// As they are stored, and as the documents that a request holds of all of them at once. They may
// lie in a namespace whose owner makes as many as he likes.
inline constexpr size_t kParamBytesMax = size_t{16} << 20;
inline constexpr size_t kParamDocumentBytesMax = size_t{64} << 20;

struct ParamsWanted {
  const KindInfo* kind;                          // nullptr: the policy has no parameters.
  const admissionregistration_v1::ParamRef* ref;  // nullptr: the binding names none.
  std::string_view namespace_name;               // Of the request; "": it has none.
  // What documents may take that are held together with those of other bindings, of which theirs
  // is taken; nullptr: nobody holds others, and they may take kParamDocumentBytesMax.
  size_t* document_bytes_left = nullptr;
};

// Fails with what stands behind "failed to configure binding: ". None: nothing is judged.
Result<PolicyParams> CollectParams(Store& store, const ParamsWanted& wanted);

}  // namespace skiff
