#include "apiserver/objects/unstored.h"

#include "api/patch/managed_fields.h"

namespace skiff {

Result<> KeepToNamespace(std::string_view space, meta_v1::ObjectMeta& metadata) {
  if (metadata.namespace_.empty() || space.empty()) metadata.namespace_ = space;
  if (metadata.namespace_ == space) return {};
  return Fail(Reason::kBadRequest,
              "the namespace of the provided object does not match the namespace sent on the "
              "request");
}

Result<> CompleteUnstored(const ApiRequest& request, const WriteOptions& options,
                          const Unstored& what, void* object, meta_v1::ObjectMeta& metadata) {
  TRY(KeepToNamespace(request.info.namespace_name, metadata));
  // Only the server knows these; what is to be bound, or to have a token, may be named by its uid.
  if (what.type.name != "Binding") {
    if (what.type.name != "TokenRequest") metadata.uid.clear();
    metadata.creation_timestamp = Time();
    metadata.deletion_timestamp.reset();
    metadata.deletion_grace_period_seconds.reset();
    metadata.self_link.clear();
  }
  TrackUnstored(request, options, what, object);
  return {};
}

void TrackUnstored(const ApiRequest& request, const WriteOptions& options, const Unstored& what,
                   void* object) {
  const std::string manager = ManagerOf(options, request.http);
  UpdateManagedFields(what.type, nullptr, object,
                      {.manager = manager,
                       .api_version = what.api_version,
                       .subresource = what.subresource,
                       .now = std::chrono::time_point_cast<std::chrono::seconds>(request.now),
                       .reset = {}});
}

}  // namespace skiff
