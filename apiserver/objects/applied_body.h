// What is sent to be applied.
#pragma once

#include <string>
#include <vector>

#include "api/type.h"
#include "api/values.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/write_options.h"
#include "base/error.h"

namespace skiff {

// The body of an apply.
struct AppliedBody {
  Json document;
  std::vector<std::string> duplicates;  // Of keys that its YAML repeats.
};
// Found to be of `kind`.
Result<AppliedBody> ReadConfiguration(const ApiRequest& request, const KindInfo& kind);
// What an apply says of keys that its YAML repeats, once all else is well: an error or warnings.
Result<> ReportDuplicates(const std::vector<std::string>& duplicates, ApiRequest& request,
                          const WriteOptions& options);

}  // namespace skiff
