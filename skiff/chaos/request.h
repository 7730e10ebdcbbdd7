// What `skiff chaos FAULT TARGET [TARGET] --for=30s` asks for. Pure.
//
//   netem      TARGET [TO]     delay, jitter, loss, duplicates, reordering, rate of what it sends
//   partition  TARGET [FROM]   nothing goes through, in both directions or in one
//   kill, pause, disk TARGET
//   clock      TARGET          what a node's own programs, or a pod's, take for the time
//
// A target is node/NAME, pod/NAME or pod/NAMESPACE/NAME.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "skiff/chaos/impairment.h"

namespace skiff::chaos {

enum class Fault : uint8_t { kNetem, kPartition, kKill, kPause, kClock, kDisk };

std::string_view FaultWord(Fault fault);
std::optional<Fault> FaultOf(std::string_view word);

struct Target {
  bool is_node = false;
  std::string namespace_;  // Of a pod.
  std::string name;
  // "node/near", "pod/web"; with the namespace where it is not default: "pod/kube-system/dns".
  std::string Text() const;
  bool operator==(const Target&) const = default;
};

// As seen from the first target.
enum class Direction : uint8_t { kBoth, kOut, kIn };

inline constexpr Duration kLengthMin = std::chrono::seconds(1);
inline constexpr Duration kLengthMax = std::chrono::hours(1);
inline constexpr Duration kOffsetMax = std::chrono::hours(10 * 365 * 24);

struct Request {
  Fault fault = Fault::kNetem;
  Target target;
  std::optional<Target> peer;
  Duration length = Duration(0);  // 0: it is over at once, or for ever: the kill of a pod.
  Impairment impairment;
  Direction direction = Direction::kBoth;
  int signal = 0;
  std::string container;  // "": all of the pod's.
  std::string volume;     // "": the only one of its kind.
  Duration offset = Duration(0);  // Of a clock.
  int64_t drift_ppm = 0;
  std::string data_dir;  // Of a node that is this machine; "": not said.
  std::string kubeconfig;
};

// nullopt: it was only asked for help, which is printed. Invalid says what is wrong, and what would
// be right.
Result<std::optional<Request>> ParseRequest(Fault fault, const std::vector<std::string>& args);

// "delay 100ms 10ms, loss 5%"; "out"; "SIGKILL": what is particular about it.
std::string DetailOf(const Request& request);

}  // namespace skiff::chaos
