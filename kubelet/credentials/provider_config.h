// --image-credential-provider-config: which programs on this node give credentials for which images
// (kubelet.config.k8s.io, CredentialProviderConfig). A file, or a directory whose *.json, *.yaml
// and
// *.yml are taken as one.
//
//   providers:
//   - name: ecr-credential-provider
//     apiVersion: credentialprovider.kubelet.k8s.io/v1
//     matchImages: ["*.dkr.ecr.*.amazonaws.com"]
//     defaultCacheDuration: 12h
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet {

struct CredentialProviderSpec {
  // It is given a token of the pod's service account.
  struct Account {
    std::string audience;
    bool is_required = false;  // Else it is asked for pods that have none, too.
    bool is_by_token = false;  // What it gives is for this token alone, and not for the account.
    // Annotations of the account: without all of the former it is not asked.
    std::vector<std::string> required_annotations, optional_annotations;
  };
  std::string name;  // Of the program as well.
  std::vector<std::string> match_images;
  Duration cache_duration{};  // Where it does not say how long.
  std::string api_version;    // That it is spoken to in.
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<Account> account;
};

struct CredentialProviderConfig {
  std::vector<CredentialProviderSpec> providers;
  std::string digest;  // "sha256:...", of the files.
};

// Checked, each program of `directory` as well. Errors are the kubelet's.
Result<CredentialProviderConfig> ReadCredentialProviders(const std::string& path,
                                                         const std::string& directory);

// What one file says, unchecked but for its form; and what is wrong with all of it.
Result<std::vector<CredentialProviderSpec>> ParseCredentialProviders(const std::string& text);

}  // namespace skiff::kubelet
