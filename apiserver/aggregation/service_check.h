// Whether what an APIService names is there: its Service, the port, and somebody behind it. In
// kube-aggregator's words.
#pragma once

#include <optional>
#include <string>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/storage/store.h"

namespace skiff {

// What the condition Available says.
struct Availability {
  std::string status;  // "True", "False", "Unknown"
  std::string reason;
  std::string message;
  bool operator==(const Availability&) const = default;
};

inline Availability AllChecksPassed() {
  return {"True", "Passed", "all checks passed"};
}
inline Availability AlwaysAvailable() {
  return {"True", kLocalReason, "Local APIServices are always available"};
}
// `why` is what came of a question to `url`.
Availability FailedDiscovery(const std::string& url, const std::string& why);

struct ServiceLook {
  std::optional<Availability> fault;  // nullopt: it can be asked.
  // Of the service and those behind it. While it stays the same, so do their answers, as far as
  // anybody can tell.
  std::string fingerprint;
};
ServiceLook LookAtService(Store& store, const RemoteService& remote);

}  // namespace skiff
