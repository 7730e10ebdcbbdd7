#include "kubelet/credentials/credential_providers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "api/rules/core/image_reference.h"
#include "base/hash.h"
#include "base/whole_file.h"

namespace skiff::kubelet {
namespace {

std::string CacheKey(const std::string& provider, const std::string& of, const std::string& asker) {
  return Json::array({provider, of, asker}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string RegistryOf(const std::string& image) {
  return image.substr(0, image.find('/'));
}

// What is the same for two pods, if this is: no more than that may be shared by them.
std::string RunKey(const std::string& provider, const PluginRequest& request) {
  return Json::array({provider, request.image, Hex(Sha256(request.token)), request.annotations})
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

// No image has such a name.
constexpr char kForAllImages[] = "<global>";

}  // namespace

CredentialProviders::CredentialProviders(std::vector<CredentialProviderSpec> specs,
                                         std::string directory, Dependencies dependencies)
    : specs_(std::move(specs)),
      directory_(std::move(directory)),
      dependencies_(std::move(dependencies)) {}

std::vector<TrackedAuth> CredentialProviders::For(const core_v1::Pod& pod, const std::string& image,
                                                  const std::stop_token& stop) {
  const auto name = ParseImageName(image);
  if (!name) return {};
  const std::string& repository = name->repository;
  std::vector<std::pair<std::string, TrackedAuth>> found;
  for (const CredentialProviderSpec& spec : specs_) {
    if (stop.stop_requested()) return {};
    const bool matches =
        std::any_of(spec.match_images.begin(), spec.match_images.end(),
                    [&](const std::string& pattern) { return ImageMatches(pattern, repository); });
    if (!matches) continue;
    const auto asker = AskerOf(spec, pod);
    if (asker && !*asker) continue;
    const auto auths =
        asker ? Ask(spec, repository, **asker, stop) : Result<Auths>(tl::unexpected(asker.error()));
    if (!auths) {
      if (stop.stop_requested()) return {};
      log_.Error("no credentials for an image", {{"provider", spec.name},
                                                 {"image", repository},
                                                 {"pod", pod.metadata.name},
                                                 {"error", auths.error().message}});
      continue;
    }
    for (const auto& [key, auth] : *auths) {
      TrackedAuth tracked;
      static_cast<cri::RegistryAuth&>(tracked) = auth;
      tracked.secret = (*asker)->account;
      tracked.is_for_all = !tracked.secret.is_account;
      found.emplace_back(key, std::move(tracked));
    }
  }
  RegistryCredentials credentials;
  credentials.Add(std::move(found));
  return credentials.For(image);
}

Result<std::optional<CredentialProviders::Asker>> CredentialProviders::AskerOf(
    const CredentialProviderSpec& spec, const core_v1::Pod& pod) const {
  Asker asker;
  if (!spec.account) return asker;
  const std::string& space = pod.metadata.namespace_;
  const std::string& name = pod.spec.service_account_name;
  if (name.empty()) {
    return spec.account->is_required ? std::optional<Asker>() : std::optional(std::move(asker));
  }
  const auto account = dependencies_.account(space, name);
  if (!account) {
    return Fail(account.error().reason,
                "failed to get service account: " + account.error().message);
  }
  const auto& annotations = (*account)->metadata.annotations;
  for (const std::string& key : spec.account->required_annotations) {
    const auto annotation = annotations.find(key);
    if (annotation == annotations.end()) return std::optional<Asker>();
    asker.annotations.insert(*annotation);
  }
  for (const std::string& key : spec.account->optional_annotations) {
    const auto annotation = annotations.find(key);
    if (annotation != annotations.end()) asker.annotations.insert(*annotation);
  }
  auto token = dependencies_.token(pod, spec.account->audience);
  if (!token) {
    return Fail(token.error().reason,
                "failed to get service account token: " + token.error().message);
  }
  asker.token = std::move(*token);
  asker.account = {(*account)->metadata.uid, space, name, "", /*is_account=*/true};
  Json key = {space, name, asker.account.uid, asker.annotations};
  if (spec.account->is_by_token) key.push_back(Hex(Sha256(asker.token)));
  asker.key = key.dump(-1, ' ', false, Json::error_handler_t::replace);
  return asker;
}

Result<CredentialProviders::Auths> CredentialProviders::Ask(const CredentialProviderSpec& spec,
                                                            const std::string& image,
                                                            const Asker& asker,
                                                            const std::stop_token& stop) {
  const std::string key = RunKey(spec.name, {image, asker.token, asker.annotations});
  // Who waits for another's run is woken when nobody waits for him.
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    run_is_over_.notify_all();
  });
  const auto own = std::make_shared<SharedRun>();
  {
    MutexLock lock(mutex_);
    while (true) {
      if (stop.stop_requested()) return Fail(Reason::kTimeout, "nobody waits for the answer");
      if (auto kept = FindKept(spec.name, image, asker)) return std::move(*kept);
      const auto found = runs_.find(key);
      if (found == runs_.end()) break;
      const std::shared_ptr<SharedRun> run = found->second;
      while (!run->is_over && !stop.stop_requested()) run_is_over_.wait(lock);
      if (run->result) return *run->result;
    }
    runs_[key] = own;
  }
  auto result = AskProgram(spec, image, asker, stop);
  MutexLock lock(mutex_);
  own->is_over = true;
  // One that was ended with its pod says nothing of the others'.
  if (result || !stop.stop_requested()) own->result.emplace(result);
  runs_.erase(key);
  run_is_over_.notify_all();
  return result;
}

Result<CredentialProviders::Auths> CredentialProviders::AskProgram(
    const CredentialProviderSpec& spec, const std::string& image, const Asker& asker,
    const std::stop_token& stop) {
  PluginAnswer answer = TRY(Run(spec, {image, asker.token, asker.annotations}, stop));
  const bool echoes = !asker.token.empty() && !spec.account->is_by_token &&
                      std::any_of(answer.auths.begin(), answer.auths.end(), [&](const auto& each) {
                        return each.second.password == asker.token;
                      });
  if (echoes) {
    return Fail(Reason::kInvalid,
                "credential provider plugin returned the service account token as the password "
                "which is not allowed when service account cache type is not set to 'Token'");
  }
  const std::string of = answer.scope == PluginAnswer::Scope::kImage      ? image
                         : answer.scope == PluginAnswer::Scope::kRegistry ? RegistryOf(image)
                                                                          : kForAllImages;
  Keep(spec, CacheKey(spec.name, of, asker.key), answer);
  return std::move(answer.auths);
}

Result<PluginAnswer> CredentialProviders::Run(const CredentialProviderSpec& spec,
                                              const PluginRequest& request,
                                              const std::stop_token& stop) const {
  ProcessSpec process;
  process.argv = {directory_ + "/" + spec.name};
  process.argv.insert(process.argv.end(), spec.args.begin(), spec.args.end());
  process.stdin_text = PluginRequestText(spec.api_version, request);
  process.timeout = kTimeout;
  process.output_bytes_max = kAnswerBytesMax;
  process.environment = spec.environment;
  process.stop = stop;
  const Duration begun = dependencies_.clock.Monotonic();
  const auto output = dependencies_.run(process);
  KubeletMetrics* metrics = dependencies_.metrics;
  if (metrics != nullptr) {
    metrics->credential_plugin_seconds.Observe({spec.name},
                                               InSeconds(dependencies_.clock.Monotonic() - begun));
  }
  if (output && output->exit_code == 0) {
    if (!output->truncated) return ParsePluginAnswer(spec.api_version, output->out);
    return Fail(Reason::kInvalid, "the credential provider plugin's response is too long");
  }
  if (metrics != nullptr && !stop.stop_requested()) {
    metrics->credential_plugin_errors.Add({spec.name});
  }
  return Fail(Reason::kUnknown,
              fmt::format("failed to get credential from external registry credential provider: "
                          "error execing credential provider plugin {} for image {}: {}",
                          spec.name, request.image,
                          output ? fmt::format("exit status {}: {}", output->exit_code, output->err)
                                 : output.error().message));
}

std::optional<CredentialProviders::Auths> CredentialProviders::FindKept(const std::string& provider,
                                                                        const std::string& image,
                                                                        const Asker& asker) {
  const Duration now = dependencies_.clock.Monotonic();
  for (const std::string& of : {image, RegistryOf(image), std::string(kForAllImages)}) {
    const auto found = kept_.find(CacheKey(provider, of, asker.key));
    if (found == kept_.end() || found->second.expires_at < now) continue;
    return found->second.auths;
  }
  return std::nullopt;
}

void CredentialProviders::Keep(const CredentialProviderSpec& spec, const std::string& key,
                               const PluginAnswer& answer) {
  const Duration length = answer.cache_duration.value_or(spec.cache_duration);
  if (length <= Duration::zero()) return;
  const Duration now = dependencies_.clock.Monotonic();
  MutexLock lock(mutex_);
  std::erase_if(kept_, [&](const auto& each) { return each.second.expires_at < now; });
  if (kept_.size() >= kAnswersMax && !kept_.contains(key)) return;
  kept_[key] = {answer.auths, now + std::min<Duration>(length, 24h * 365)};
}

RegistryCredentials NodeCredentials(const std::string& root) {
  const char* home = std::getenv("HOME");
  const std::string at_home = home == nullptr ? "" : home;
  RegistryCredentials credentials;
  for (const bool is_json : {true, false}) {
    const std::string docker = is_json ? "/.docker" : "";
    const std::string file = is_json ? "/config.json" : "/.dockercfg";
    for (const std::string& directory : {root, std::string("."), at_home + docker, docker}) {
      const auto text = ReadWholeFile(directory + file);
      if (text && credentials.AddFile(*text, is_json)) return credentials;
    }
  }
  return credentials;
}

}  // namespace skiff::kubelet
