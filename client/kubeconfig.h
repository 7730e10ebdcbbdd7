// kubeconfig files: where the server is and who asks.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "client/exec_credential.h"
#include "client/transport.h"

namespace skiff {

// The document of a kubeconfig, as maps by name. Paths inside are absolute once loaded.
struct Kubeconfig {
  struct Cluster {
    std::string server;
    std::string certificate_authority;       // A path.
    std::string certificate_authority_data;  // PEM.
    std::string tls_server_name;
    bool insecure_skip_tls_verify = false;
    std::string proxy_url;
    Json exec_config;  // What a program that gives credentials is told of it beside.
  };
  struct User {
    std::string client_certificate;  // A path.
    std::string client_certificate_data;
    std::string client_key;  // A path.
    std::string client_key_data;
    std::string token;
    std::string token_file;
    std::string username;
    std::string password;
    // Whom it asks as, where that is another one.
    struct Impersonation {
      std::string user;
      std::string uid;
      std::vector<std::string> groups;
      std::map<std::string, std::vector<std::string>> extra;
      bool operator==(const Impersonation&) const = default;
    };
    Impersonation as;
    std::optional<ExecPlugin> exec;  // Runs where nothing else says who asks.
    std::string unsupported;         // "auth-provider"
  };
  struct Context {
    std::string cluster;
    std::string user;
    std::string namespace_;
  };
  std::map<std::string, Cluster> clusters;
  std::map<std::string, User> users;
  std::map<std::string, Context> contexts;
  std::string current_context;

  // Fails in client-go's words where the document is of another version or kind.
  static Result<> CheckKind(const Json& document);
  // Of somebody who wants more of a document than that what is needed of it can be read.
  using Check = Result<> (*)(const Json& document);
  // From YAML or JSON. Relative paths are taken from `directory`.
  static Result<Kubeconfig> Parse(const std::string& text, const std::string& directory,
                                  Check check = nullptr);
  static Result<Kubeconfig> Load(const std::string& path, Check check = nullptr);
  // YAML, as kubectl writes it.
  std::string ToYaml() const;
  // Entries of `other` that are not here yet; its current context when there is none here.
  void MergeFrom(const Kubeconfig& other);
  // The options of a context; of the current one when `context` is "". Reads the files it names.
  Result<HttpsOptions> Options(const std::string& context = "") const;
  // The namespace of that context, "default" when it names none.
  std::string Namespace(const std::string& context = "") const;
};

// What requests say of it. Invalid, in client-go's words, where there is more than nobody.
// `user_name`: of the entry.
Result<http::Headers> ImpersonationHeaders(const Kubeconfig::User::Impersonation& as,
                                           const std::string& user_name);

// What kubectl would use: `explicit_path`, else the files of `kubeconfig_variable` (":"-separated,
// missing ones passed over) merged, the first one winning, else `home`/.kube/config. Empty when
// there are none.
Result<Kubeconfig> LoadKubeconfig(const std::string& explicit_path,
                                  const std::string& kubeconfig_variable, const std::string& home,
                                  Kubeconfig::Check check = nullptr);
// Of a pod: KUBERNETES_SERVICE_HOST and _PORT and the mounted service account.
Result<HttpsOptions> InClusterOptions(const std::string& host, const std::string& port,
                                      const std::string& directory);

}  // namespace skiff
