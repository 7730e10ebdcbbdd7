// What programs of this node give for images (provider_config.h): each whose patterns match is
// asked, in the order of the configuration, and what it gave is kept for as long as it says. Pods
// that want the same of it at once have it run once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/process.h"
#include "client/client.h"
#include "kubelet/credentials/credential_plugin.h"
#include "kubelet/credentials/provider_config.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/registry_credentials.h"

namespace skiff::kubelet {

// Thread-safe.
class CredentialProviders {
 public:
  static constexpr Duration kTimeout = 1min;          // Of one run of a program.
  static constexpr size_t kAnswersMax = 10'000;       // Kept; more are asked for each time.
  static constexpr size_t kAnswerBytesMax = 1 << 20;  // A longer one is none.
  static constexpr int64_t kTokenSeconds = 3600;
  struct Dependencies {
    const Clock& clock;
    std::function<Result<Ptr<core_v1::ServiceAccount>>(const std::string& namespace_,
                                                       const std::string& name)>
        account;
    // Of the pod's service account, for the audience.
    std::function<Result<std::string>(const core_v1::Pod& pod, const std::string& audience)> token;
    std::function<Result<ProcessOutput>(const ProcessSpec& spec)> run = &RunProcess;
    KubeletMetrics* metrics = nullptr;
  };
  // Programs lie in `directory`.
  CredentialProviders(std::vector<CredentialProviderSpec> specs, std::string directory,
                      Dependencies dependencies);

  // All there is for an image, the most specific first. Waits for programs, and for the API where
  // they want a token. Who has none, or fails, is passed over. Once it is stopped nobody waits for
  // the answer: the program that runs is ended, and no other one asked.
  std::vector<TrackedAuth> For(const core_v1::Pod& pod, const std::string& image,
                               const std::stop_token& stop = {});

 private:
  using Auths = std::vector<std::pair<std::string, cri::RegistryAuth>>;
  struct Kept {
    Auths auths;
    Duration expires_at{};  // Monotonic.
  };
  // Of a program, for all who want the same of it meanwhile.
  struct SharedRun {
    bool is_over = false;
    std::optional<Result<Auths>> result;  // Unset: it was ended, and had been begun by another pod.
  };
  // For whom a program is asked, where it wants to know.
  struct Asker {
    PullSecret account;
    std::string token;
    std::map<std::string, std::string> annotations;
    std::string key;  // What it gave for one of these is for no other.
  };
  // Unset: it is not to be asked for this pod.
  Result<std::optional<Asker>> AskerOf(const CredentialProviderSpec& spec,
                                       const core_v1::Pod& pod) const;
  // `image` is without tag and digest.
  Result<Auths> Ask(const CredentialProviderSpec& spec, const std::string& image,
                    const Asker& asker, const std::stop_token& stop);
  // The same, without looking whether it is known.
  Result<Auths> AskProgram(const CredentialProviderSpec& spec, const std::string& image,
                           const Asker& asker, const std::stop_token& stop);
  Result<PluginAnswer> Run(const CredentialProviderSpec& spec, const PluginRequest& request,
                           const std::stop_token& stop) const;
  std::optional<Auths> FindKept(const std::string& provider, const std::string& image,
                                const Asker& asker) REQUIRES(mutex_);
  void Keep(const CredentialProviderSpec& spec, const std::string& key, const PluginAnswer& answer);

  const std::vector<CredentialProviderSpec> specs_;
  const std::string directory_;
  const Dependencies dependencies_;
  const Log log_{"credentials"};
  Mutex mutex_;  // Not held while a program runs.
  CondVar run_is_over_;
  std::map<std::string, Kept> kept_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<SharedRun>> runs_ GUARDED_BY(mutex_);
};

// What this node has for all of its pods in files of Docker, read anew: the first of config.json
// and then of .dockercfg that can be read, in `root` (the kubelet's), the working directory, the
// home directory (there in .docker) and /.
RegistryCredentials NodeCredentials(const std::string& root);

}  // namespace skiff::kubelet
