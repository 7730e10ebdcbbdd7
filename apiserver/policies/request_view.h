// A request as expressions of policies see it: documents of what is admitted, of the request and of
// its namespace. Made when a policy matches, not before.
#pragma once

#include "api/cel/admission_activation.h"
#include "apiserver/admission/request_document.h"
#include "apiserver/policies/policy.h"

namespace skiff {

// `request` put as one for `kind`, as far as it is named.
struct RequestView {
  Json object;      // Null: there is none.
  Json old_object;  // Likewise.
  Json request;
  cel::AccessQuestion resource;  // As far as the authorizer is named.
};
Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind,
                           const NamedInputs& named);

// The part of a namespace that expressions see.
Json NamespaceView(const core_v1::Namespace& space);

}  // namespace skiff
