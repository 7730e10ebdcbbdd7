// Where the server is, who asks, and in which namespace: flags over kubeconfig over the pod that we
// may run in.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/kinds.h"
#include "client/forward_proxy.h"
#include "client/kubeconfig.h"

namespace skiff::cli {

// "No limit" for a transport that wants one.
inline constexpr int kNoTimeoutMs = 24 * 3600 * 1000;

class Session {
 public:
  static Result<std::unique_ptr<Session>> Open(Environment& environment, const GlobalFlags& flags,
                                               const std::string& verb);
  Api& api() { return api_; }
  Kinds& kinds() { return kinds_; }
  const HttpsOptions& options() const { return options_; }
  // --request-timeout; kNever without one.
  Duration request_limit() const {
    return options_.request_timeout_ms == kNoTimeoutMs
               ? kNever
               : std::chrono::milliseconds(options_.request_timeout_ms);
  }
  // Before it is looked again what a watch that has ended did not show: a server that closes each
  // at once is not asked without end.
  void PauseBetweenWatches(Duration left) const {
    if (left > Duration(0)) environment_.pause(std::min(kNextWatchPause, left));
  }
  // The user's credentials come from a program that asks at standard input.
  bool wants_input() const { return wants_input_; }
  // Headers by which requests ask as somebody else; plain ones have them already.
  const http::Headers& impersonation() const { return impersonation_; }
  // -n, else the context's, else "default".
  const std::string& namespace_() const { return namespace__; }
  bool namespace_given() const { return namespace_given_; }
  // -n or the context say which: it is not "default" for want of one.
  bool namespace_named() const { return namespace_named_; }
  // "" for cluster-scoped kinds.
  std::string NamespaceFor(const Resource& resource, bool all = false) const {
    return resource.namespaced && !all ? namespace__ : "";
  }

 private:
  static constexpr Duration kNextWatchPause = std::chrono::seconds(1);
  Session(Environment& environment, HttpsOptions options, std::unique_ptr<Transport> transport,
          http::Headers headers)
      : environment_(environment),
        options_(std::move(options)),
        api_(environment, std::move(transport), std::move(headers)),
        kinds_(api_, /*guesses=*/environment.program != "kubectl", environment.err) {}

  const Environment& environment_;
  const HttpsOptions options_;
  http::Headers impersonation_;
  Api api_;
  Kinds kinds_;
  std::string namespace__;
  bool namespace_given_ = false;
  bool wants_input_ = false;
  bool namespace_named_ = false;
};

// The files that kubectl would read, merged.
Result<Kubeconfig> LoadConfig(Environment& environment, const GlobalFlags& flags);
// Of a server that cannot be reached: a line that says what brings it there, where nothing said
// which cluster is meant; else "".
std::string WhatBringsACluster(Environment& environment, const GlobalFlags& flags);
// What the environment says of proxies.
std::shared_ptr<const ProxyEnvironment> ProxiesOf(Environment& environment);
// What the flags and the configuration come to.
struct Connection {
  HttpsOptions options;
  http::Headers impersonation;
  std::string namespace_ = "default";
  bool wants_input = false;      // Of a program that asks the user for credentials at the terminal.
  bool namespace_named = false;  // -n or the context say which it is.
};
Result<Connection> ResolveConnection(Environment& environment, const GlobalFlags& flags);

}  // namespace skiff::cli
