// Kinds that are questions: answered in the response, never stored.
#pragma once

#include "apiserver/request/request_context.h"
#include "apiserver/server/core.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct ReviewEntry {
  std::string_view group;
  std::string_view resource;
  Result<http::Response> (*handle)(Core& core, ApiRequest& request);
};
// nullptr for a kind that is stored.
const ReviewEntry* FindReview(const KindInfo& kind);

}  // namespace skiff
