// What is sent to be answered or acted upon, and is never stored itself: reviews, bindings,
// evictions, requests for tokens. Whoever judges it sees what would have been stored.
#pragma once

#include <string_view>

#include "api/gen/meta_v1.h"
#include "api/type.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/write_options.h"
#include "base/error.h"

namespace skiff {

struct Unstored {
  const Type& type;
  std::string_view api_version;
  std::string_view subresource = {};
};

// Puts it into the namespace of the request, which it may not name another than, and puts down who
// sent which of its fields. `metadata` is that of `object`, a struct of the type, with defaults.
Result<> CompleteUnstored(const ApiRequest& request, const WriteOptions& options,
                          const Unstored& what, void* object, meta_v1::ObjectMeta& metadata);

// The latter alone.
void TrackUnstored(const ApiRequest& request, const WriteOptions& options, const Unstored& what,
                   void* object);

// CompleteUnstored for a whole struct.
template <typename T>
Result<> CompleteUnstored(const ApiRequest& request, const WriteOptions& options,
                          std::string_view api_version, std::string_view subresource, T& object) {
  return CompleteUnstored(request, options, {T::Describe(), api_version, subresource}, &object,
                          object.metadata);
}

// Objects are where their URL says: `space` is "" for those of the cluster.
Result<> KeepToNamespace(std::string_view space, meta_v1::ObjectMeta& metadata);

}  // namespace skiff
