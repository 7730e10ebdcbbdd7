// What is done to an object on its way in by those whom users configure to do so.
#pragma once

#include "apiserver/admission/admission.h"

namespace skiff {

// Gives what was changed as the kind `given` the defaults of that, before it becomes one of `kind`,
// another version. Returns false, and leaves a custom resource as it is, where it would become too
// large.
bool FillInChanged(const KindInfo& given, const KindInfo& kind, Json& document);

// The object of the request becomes what the document says, of the request's own kind. What a
// schema does not know stays for those who look at it behind this, as in Kubernetes: the version
// that is kept may know it. Returns whether that is a change; on error there is none.
// `lacks_defaults`: FillInChanged returned false.
Result<bool> ChangeObject(AdmissionRequest& request, const Json& document, bool lacks_defaults);

// What the request would store, or asks of a subresource, as JSON; "": nothing.
std::string TextOfObject(const AdmissionRequest& request);

}  // namespace skiff
