// What is done to an object on its way in by those whom users configure to do so.
#pragma once

#include "apiserver/admission/admission.h"

namespace skiff {

// The object of the request becomes what the document says, of the request's own kind, with
// defaults again. Returns whether that is a change; on error there is none.
Result<bool> ChangeObject(AdmissionRequest& request, const Json& document);

// What the request would store, or asks of a subresource, as JSON; "": nothing.
std::string TextOfObject(const AdmissionRequest& request);

}  // namespace skiff
