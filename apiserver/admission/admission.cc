#include "apiserver/admission/admission.h"

#include "apiserver/api_errors.h"

namespace skiff {

tl::unexpected<Error> Deny(const AdmissionRequest& request, std::string_view text) {
  std::string name = request.name;
  if (name.empty() && request.object != nullptr) {
    name = request.object->metadata().name;
    if (name.empty()) name = request.object->metadata().generate_name;
  }
  if (name.empty()) name = "Unknown";
  return Fail(Forbidden(GroupResourceOf(request.kind), name, text));
}

Result<> AdmissionChain::Admit(AdmissionRequest& request) const {
  for (const auto& plugin : plugins_) {
    if (plugin->Handles(request.operation)) TRY(plugin->Admit(request));
  }
  return {};
}

Result<> AdmissionChain::Validate(const AdmissionRequest& request) const {
  for (const auto& plugin : plugins_) {
    if (plugin->Handles(request.operation)) TRY(plugin->Validate(request));
  }
  return {};
}

}  // namespace skiff
