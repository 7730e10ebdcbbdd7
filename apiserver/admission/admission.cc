#include "apiserver/admission/admission.h"

#include "apiserver/audit/audit.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/request_context.h"

namespace skiff {

AdmissionRequest AdmissionOf(ApiRequest& request, Operation operation, const KindInfo& kind,
                             std::string subresource) {
  return {.operation = operation,
          .kind = kind,
          .subresource = std::move(subresource),
          .namespace_name = request.info.namespace_name,
          .name = request.info.name,
          .user = request.user,
          .warnings = request.warnings,
          .annotations = request.told ? &request.told->annotations() : nullptr,
          .annotates_patches = request.told && request.told->shows_requests(),
          .refusal = &request.refusal,
          .own = request.own,
          .deadline = request.deadline};
}

void Annotate(const AdmissionRequest& request, std::string_view key, std::string_view value) {
  if (request.annotations != nullptr) request.annotations->emplace(key, value);
}

tl::unexpected<Error> Deny(const AdmissionRequest& request, std::string_view text) {
  std::string name = request.name;
  if (name.empty() && request.object != nullptr) {
    name = request.object->metadata().name;
    if (name.empty()) name = request.object->metadata().generate_name;
  }
  if (name.empty()) name = "Unknown";
  return Fail(Forbidden(GroupResourceOf(request.kind), name, text));
}

Result<> AdmissionChain::AdmitOnce(AdmissionRequest& request) const {
  for (const auto& plugin : plugins_) {
    if (plugin->Handles(request.operation)) TRY(plugin->Admit(request));
  }
  return {};
}

Result<> AdmissionChain::Admit(AdmissionRequest& request) const {
  TRY(AdmitOnce(request));
  if (!request.reinvocation.wanted) return {};
  // What was changed from outside is looked at once more by all, and by nobody a third time.
  request.reinvocation.again = true;
  return AdmitOnce(request);
}

Result<> AdmissionChain::Validate(const AdmissionRequest& request) const {
  for (const auto& plugin : plugins_) {
    if (plugin->Handles(request.operation)) TRY(plugin->Validate(request));
  }
  return {};
}

}  // namespace skiff
