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
#include <utility>
#include <vector>

namespace skiff {

inline constexpr const char* kMaxUnavailableGate = "MaxUnavailableStatefulSet";
// Sets all that are beta in v1.35 but what is named itself. Those that act here are.
inline constexpr const char* kBetaGates = "AllBeta";

// Why a value of --feature-gates ("A=true,B=false") would be refused by Kubernetes' programs, in
// their words, or is refused here alone; "" where it is taken.
std::string WhyNotFeatureGates(std::string_view text);

// What such a value, which they take, sets that gate to; nullopt: it does not name it.
std::optional<bool> FeatureGateIn(std::string_view text, std::string_view gate);

// The same of a command line's flags, as Flags::given has them: the last of its values that does.
std::optional<bool> FeatureGateOf(const std::vector<std::pair<std::string, std::string>>& flags,
                                  std::string_view gate);
// Whether that gate, which is beta, is on by them.
bool IsBetaGateOn(const std::vector<std::pair<std::string, std::string>>& flags,
                  std::string_view gate, bool is_on_by_default);

// Those that rules of kinds ask for, which know of no program.
enum class SharedGate : uint8_t { kMaxUnavailableStatefulSet };
inline constexpr size_t kSharedGates = 1;
// Whether it is on in this process: off, unless set. Both from any thread; it is set before anybody
// asks.
bool IsOn(SharedGate gate);
void SetGate(SharedGate gate, bool is_on);

}  // namespace skiff
