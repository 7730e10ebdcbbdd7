// Which images this kubelet has pulled, and what was shown for them: a pod may only have an image
// that lies on the node because of another one's secret if it has that secret, too. Kept in files
// that kube's kubelet keeps it in (kubelet.config.k8s.io/v1beta1, ImagePulledRecord):
//
//   DIRECTORY/pulling/sha256-HASH   of an image's name: its pull has begun, and may have succeeded
//   DIRECTORY/pulled/sha256-HASH    of an image's id: under which names it was pulled, and with
//   what
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/codec/json.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/registry_credentials.h"

namespace skiff::kubelet {

// imagePullCredentialsVerificationPolicy: of which images that are there a pod has to show that it
// may have them.
enum class PullVerification : uint8_t {
  kNever,      // NeverVerify
  kPulled,     // NeverVerifyPreloadedImages: those that this kubelet has pulled.
  kNotOnList,  // NeverVerifyAllowlistedImages
  kAlways,     // AlwaysVerify
};
std::optional<PullVerification> PullVerificationOf(const std::string& name);

// "registry.example.com/app", or "registry.example.com/team/*": an image of that name, whatever its
// tag, and all that are below it. Invalid says what is wrong with a pattern.
Result<> CheckImagePattern(const std::string& pattern);

// Thread-safe.
class PulledImages {
 public:
  static constexpr size_t kSecretsMax = 100;       // Of one name of an image; the oldest go first.
  static constexpr size_t kRepositoriesMax = 100;  // Of one image; under others it is pulled again.
  struct Settings {
    std::string directory;  // "": nothing is kept.
    PullVerification verification = PullVerification::kNever;
    std::vector<std::string> allowlist = {};
  };
  // What a pod could show for an image.
  using Secrets = std::function<std::vector<PullSecret>()>;

  // Reads what is kept.
  explicit PulledImages(Settings settings);

  // Whether pulls had begun before a restart of which nobody knows how they ended: Recover finds
  // out, and before it has every image has to be pulled.
  bool NeedsRecovery() const;
  // `images` are on the node: who may have those that such a pull brought is not known.
  void Recover(const std::vector<cri::Image>& images, TimePoint now);
  // Whether a pod may have `image`, which lies here as `ref`, only after a pull of its own. Asks
  // for its secrets only where they matter.
  bool MustPull(const std::string& image, const std::string& ref, const Secrets& secrets);
  // Before and after each pull. `ref`: it succeeded; `secret`: with that one, or unset with what
  // all pods of the node have. Fails where it cannot be kept: then nothing may be pulled.
  Result<> Begin(const std::string& image);
  void End(const std::string& image, const std::optional<std::string>& ref,
           const std::optional<PullSecret>& secret, TimePoint now);
  // Forgets images that are not among those, which were there at `looked_at`.
  void Keep(const std::set<std::string>& refs, TimePoint looked_at);

 private:
  struct Access {
    bool is_for_all = false;
    std::vector<PullSecret> secrets;
  };
  struct Record {
    std::string ref;
    TimePoint updated_at{};
    std::map<std::string, Access> access;  // By repository.
  };
  void Load();
  // False: nobody could be told, as it cannot be kept.
  bool Add(const std::string& image, const std::string& ref,
           const std::optional<PullSecret>& secret, TimePoint now) REQUIRES(mutex_);
  bool Store(Record record) REQUIRES(mutex_);
  void DropIntent(const std::string& image) REQUIRES(mutex_);
  // Whether that changes the record.
  static bool Allow(Record& record, const std::string& repository,
                    const std::optional<PullSecret>& secret);
  static Json ToJson(const Record& record);
  static std::optional<Record> FromJson(const Json& json);
  bool IsListed(const std::string& image) const;
  std::string PulledPath(const std::string& ref) const;
  std::string PullingPath(const std::string& image) const;

  const Settings settings_;
  const Log log_{"images"};
  // Held while a small file is written, as the order of writes is that of changes: once a pull.
  mutable Mutex mutex_;
  std::map<std::string, Record> records_ GUARDED_BY(mutex_);  // By ref.
  std::map<std::string, int> pulling_ GUARDED_BY(mutex_);     // Pulls under way, by image.
  // Images of `pulling_` whose pulls began before a restart.
  std::set<std::string> interrupted_ GUARDED_BY(mutex_);
  bool is_recovered_ GUARDED_BY(mutex_) = true;
  // Paths of files that cannot be read, or not be written, and since when: what they are about was
  // pulled, by nobody knows whom.
  std::map<std::string, TimePoint> unknown_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
