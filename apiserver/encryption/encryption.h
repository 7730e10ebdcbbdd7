// Encryption at rest as an API server has it: the file of --encryption-provider-config, the
// providers that it names, which resource is whose, and the file once more when it changes.
//
//   a store ─► Covers, Seal, Open ─► the rules of this moment ─► a ProviderChain
//   Step ───► the file has another text ─► parsed, its plugins are well ─► other rules
//                                       `─► it is wrong: logged, counted; those of before stay
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/encryption/encryption_config.h"
#include "apiserver/encryption/encryption_metrics.h"
#include "apiserver/encryption/kms_provider.h"
#include "apiserver/encryption/kms_service.h"
#include "apiserver/encryption/providers.h"
#include "apiserver/storage/sealing.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"

namespace skiff {

// Thread-safe. Its loops follow the file and the plugins.
class Encryption final : public Sealing, public ControlLoop {
 public:
  // How often the file is looked at.
  static constexpr Duration kFilePeriod = 10s;

  using Connect = std::function<std::unique_ptr<KmsService>(const EncryptionProvider& kms,
                                                            KmsCallNote note)>;
  struct Options {
    std::string file;
    bool reload = false;  // Else Step does nothing.
    // By which plugins are reached; by default at their sockets.
    Connect connect = {};
  };

  // Reads the file, and asks the plugins once, which need not be there yet. `clock` and `random`
  // outlive it.
  static Result<std::unique_ptr<Encryption>> Open(Options options, const Clock& clock,
                                                  Random& random);

  bool Covers(std::string_view key) const override;
  Result<Value> Seal(const Place& place, std::string_view plain) override;
  Result<Value> Open(const Place& place, std::string_view bytes) override;
  SealId Current(std::string_view key) const override;

  // Called when the rules have changed, before anybody is told. Set before the first Step.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }
  Duration Step() override;
  // Keeps the plugins' seeds alive, and knows how they are.
  ControlLoop& plugins() { return plugins_; }
  // Whether /healthz and /readyz have a check kms-providers, and what it says.
  bool HasHealthCheck() const;
  Result<> Health() const;
  // Under kube-apiserver's names. It outlives `metrics`.
  void AddMetrics(MetricRegistry& metrics);

 private:
  struct Rules {
    std::string hash;  // Of the file's text.
    std::map<EncryptedResource, ProviderChain> chains;
    std::vector<std::shared_ptr<KmsProvider>> plugins;
  };
  using RulesPtr = std::shared_ptr<const Rules>;
  // A resource and what takes care of it, both of the rules that are held.
  struct Found {
    RulesPtr rules;
    const ProviderChain* chain = nullptr;
    std::string resource;
  };
  class Plugins final : public ControlLoop {
   public:
    explicit Plugins(Encryption& owner) : owner_(owner) {}
    Duration Step() override { return owner_.CheckPlugins(); }

   private:
    Encryption& owner_;
  };

  Encryption(Options options, const Clock& clock, Random& random);
  Result<std::shared_ptr<Rules>> Load(const std::string& text);
  Result<> Reload();
  Duration CheckPlugins();
  Found Find(std::string_view key) const;
  std::optional<EncryptedResource> ResourceOf(std::string_view key) const;
  ProviderChain::Note NoteOf(const char* direction, const std::string& resource);

  const Options options_;
  const Clock& clock_;
  Random& random_;
  const Log log_{"encryption"};
  std::map<std::string, EncryptedResource, std::less<>> built_in_;  // By storage key.
  std::atomic<RulesPtr> rules_;
  std::function<void()> changed_;
  std::string refused_;  // What was last found to be wrong with the file. Of Step alone.
  Plugins plugins_{*this};
  EncryptionMetrics metrics_;
};

}  // namespace skiff
