// The feature gates that Kubernetes v1.35 knows. Two have an effect here, MutatingAdmissionPolicy
// and APIServerIdentity in the API server: what else is there is on, and what is not cannot be
// turned on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skiff {

// Why a value of --feature-gates ("A=true,B=false") would be refused by Kubernetes' programs, in
// their words; "" where they take it.
std::string WhyNotFeatureGates(std::string_view text);

// What such a value, which they take, sets that gate to; nullopt: it does not name it.
std::optional<bool> FeatureGateIn(std::string_view text, std::string_view gate);

}  // namespace skiff
