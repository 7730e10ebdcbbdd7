// Probes over HTTP: one GET, redirects followed as long as they stay on the host.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/client.h"
#include "kubelet/probes/probe_attempt.h"

namespace skiff::kubelet {

std::unique_ptr<ProbeAttempt> StartHttpProbe(const core_v1::Probe& probe,
                                             const ProbeSubject& subject, http::Loops& loops,
                                             std::function<void(ProbeOutcome)> done);

// The path of an HTTPGetAction, which is anything that somebody wrote, as the target of a request:
// "/a b" is "/a%20b". Pure.
std::string TargetOf(const std::string& path);

// Where to go.
struct ProbeUrl {
  bool is_https = false;
  std::string host;  // Without brackets.
  int port = 80;
  std::string target;  // Path and query, "/..."

  std::string Authority() const;  // "[::1]:80"
  std::string Text() const;
  bool operator==(const ProbeUrl&) const = default;
};

// What a Location header means in an answer from `from`; nullopt when it cannot be read. Pure.
std::optional<ProbeUrl> ResolveLocation(const ProbeUrl& from, const std::string& location);

}  // namespace skiff::kubelet
