// Credentials that a program on this machine gives: what a kubeconfig calls `exec`, and client-go a
// credential plugin. The program is told in KUBERNETES_EXEC_INFO what is wanted, and answers on
// standard output by an ExecCredential of client.authentication.k8s.io. What it gave holds until it
// expires or a server refuses it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/values.h"
#include "client/transport.h"

namespace skiff {

// Which programs may run, as a kuberc says.
struct ExecPolicy {
  enum class Kind : uint8_t { kAllowAll, kDenyAll, kAllowlist };
  Kind kind = Kind::kAllowAll;
  std::vector<std::string> allowlist;  // Names, or paths.
};

struct ExecPlugin {
  std::string api_version;
  std::string command;  // A path, or a name that is looked up in PATH.
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;      // For who does not have the program.
  std::string interactive_mode;  // "Never", "IfAvailable", "Always"
  bool provide_cluster_info = false;
  Json cluster;  // What it is told of the cluster then.
  ExecPolicy policy;
  // Whether somebody else reads standard input by now. Unset: nobody does.
  std::function<bool()> input_taken;

  static ExecPlugin FromJson(const Json& entry, const std::string& directory);
  // What is wrong with it, in client-go's words; `user` is the entry that it stands in.
  std::vector<std::string> Problems(const std::string& user) const;
};

inline constexpr const char kExecInputTaken[] =
    "exec plugin cannot support interactive mode: standard input is unavailable: used by stdin "
    "resource manifest reader";

// Runs the program when credentials are first asked for. Invalid: no such version.
Result<std::shared_ptr<CredentialSource>> MakeExecCredentials(ExecPlugin plugin);

}  // namespace skiff
