// The conversation with a program that gives credentials for images
// (credentialprovider.kubelet.k8s.io): it reads one request on its standard input, and answers on
// its standard output. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

struct PluginRequest {
  std::string image;                               // Without tag and digest.
  std::string token;                               // Of the pod's account; "": none is sent.
  std::map<std::string, std::string> annotations;  // Of that account.
};

struct PluginAnswer {
  // For which images it may be used again.
  enum class Scope : uint8_t { kImage, kRegistry, kGlobal };
  Scope scope = Scope::kImage;
  std::optional<Duration> cache_duration;  // Unset: as the configuration says; 0: not at all.
  // By what a pull secret would have as its keys.
  std::vector<std::pair<std::string, cri::RegistryAuth>> auths;
};

std::string PluginRequestText(const std::string& api_version, const PluginRequest& request);
// Says nothing of what the answer held where it cannot be read: that may be a password.
Result<PluginAnswer> ParsePluginAnswer(const std::string& api_version, const std::string& text);

}  // namespace skiff::kubelet
