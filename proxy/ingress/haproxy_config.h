// The files that HAProxy runs by, made of a plan. Pure, with golden tests.
//
//   haproxy.cfg        settings, listeners, and a backend for each port of a Service
//   exact.map ...      which backend a request goes to, by keys of route_keys
//   once.map           and which instead, if it cannot be sent twice
//   certificates.list  which certificate is shown to whom; certificates/HASH.pem
//
// Nothing of what users wrote stands in them but in forms that cannot say anything else: encoded
// keys, names and numbers that were checked, digests, certificates that were parsed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/ingress/ingress_plan.h"

namespace skiff::ingress {

// As many as it has where it may: one address can hold 7,000 connections then, all of them 9,900.
inline constexpr int kDescriptorsMax = 20'000;

struct HaproxySettings {
  std::string directory;  // IsPlainDirectory
  std::string user;       // Whom its workers run as, and whose group; "": as who starts it.
  std::vector<std::string> addresses = {"0.0.0.0"};  // And "::" where there is IPv6.
  // 0: nobody listens there.
  int http_port = 0;
  int https_port = 0;
  int metrics_port = 0;             // On 127.0.0.1.
  int descriptors = kDescriptorsMax;  // That it may have.
  std::string default_certificate;  // PEM, with its key: for names that no other one is for.
};

struct HaproxyConfig {
  std::map<std::string, std::string> files;  // By their names in the directory.
  // Of all but the endpoints, which change while it runs; HAProxy tells it as its description.
  std::string signature;
};

HaproxyConfig RenderHaproxy(const IngressPlan& plan, const HaproxySettings& settings);

// The Secrets, "namespace/name", whose certificates what HAProxy said of this plan names.
std::set<std::string> SecretsNamedIn(const std::string& said, const IngressPlan& plan);

// The beginning of the line by which it listens there.
std::string BindLine(const std::string& address, int port);

// Whether the path can be said to HAProxy, in its configuration and in its arguments.
bool IsPlainDirectory(const std::string& directory);

// The socket of the worker with that signature.
std::string WorkerSocket(const std::string& directory, const std::string& signature);

// The servers of a backend as they are written, also to one that runs: by their names,
// "10.0.0.7_80", what they are, "10.0.0.7:80 proto h2".
std::map<std::string, std::string> ServersOf(const Backend& backend);

}  // namespace skiff::ingress
