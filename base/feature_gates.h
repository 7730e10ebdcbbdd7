// The feature gates that Kubernetes v1.35 knows. Three have an effect here: MutatingAdmissionPolicy
// and APIServerIdentity in the API server, MaxUnavailableStatefulSet there and in the controllers.
// Of the others all are as they are by default: who asks for something else is refused, but where
// it would make no difference to anybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skiff {

inline constexpr const char* kMaxUnavailableGate = "MaxUnavailableStatefulSet";

// Why a value of --feature-gates ("A=true,B=false") would be refused by Kubernetes' programs, in
// their words, or is refused here alone; "" where it is taken.
std::string WhyNotFeatureGates(std::string_view text);

// What such a value, which they take, sets that gate to; nullopt: it does not name it.
std::optional<bool> FeatureGateIn(std::string_view text, std::string_view gate);

// Those that rules of kinds ask for, which know of no program.
enum class SharedGate : uint8_t { kMaxUnavailableStatefulSet };
inline constexpr size_t kSharedGates = 1;
// Whether it is on in this process: off, unless set. Both from any thread; it is set before anybody
// asks.
bool IsOn(SharedGate gate);
void SetGate(SharedGate gate, bool is_on);

}  // namespace skiff
