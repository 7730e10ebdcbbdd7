// The feature gates that Kubernetes v1.35 knows. None has an effect here: what is there is on,
// and what is not (MutatingAdmissionPolicy, for one) cannot be turned on.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// Why a value of --feature-gates ("A=true,B=false") would be refused by Kubernetes' programs, in
// their words; "" where they take it.
std::string WhyNotFeatureGates(std::string_view text);

}  // namespace skiff
