// Kinds that are served in two versions and kept in one: HorizontalPodAutoscaler (autoscaling/v1
// and v2) and Event (core and events.k8s.io). Pure functions of documents.
#pragma once

#include "api/type.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff {

// `document` is of kind `from`; the answer is of kind `to`, apiVersion included. The two are
// versions of one kind.
Result<Json> Convert(const KindInfo& from, const KindInfo& to, const Json& document);

// The same of any kind, and the same document where it is no other version. Of a custom resource a
// webhook may have to be waited for.
Result<Json> DocumentAs(const KindInfo& from, const KindInfo& to, Json document);

}  // namespace skiff
