// Sealing by a KMS plugin, version 2: envelopes. Values are sealed here, by keys that are derived
// of a seed; the plugin only seals the seed, whose ciphertext lies beside each value. So writes
// wait for nobody, and reads ask the plugin once for each seed that they meet.
//
//   Check ─► Status: its key is still K ─► the seed may be used for three more minutes
//                    its key is now K2  ─► a new seed, and Encrypt of it
//
// What cannot be told for longer than that (the plugin is away) ends writes, and never reads.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "apiserver/encryption/ciphers.h"
#include "apiserver/encryption/kms_service.h"
#include "apiserver/encryption/providers.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mutex.h"

namespace skiff {

class KmsProvider final : public SealingProvider {
 public:
  // For how long a seed serves writes after the plugin was last known to be well.
  static constexpr Duration kSeedLifetime = 3min;
  // When to check again: after a check that went well, and after one that did not.
  static constexpr Duration kWellPeriod = 20s;
  static constexpr Duration kFaultPeriod = 3s;
  static constexpr size_t kSeedsMax = 4096;  // Of those that were decrypted: the oldest go.

  // `clock` and `random` outlive it.
  KmsProvider(const EncryptionProvider& config, std::unique_ptr<KmsService> service,
              const Clock& clock, Random& random);

  // Asks the plugin, and takes a new seed where its key has changed. What is wrong says so in
  // kube-apiserver's words.
  Result<> Check();
  // What Check has found last.
  Result<> Health() const;

  const std::string& prefix() const override { return prefix_; }
  Result<SealId> Seal(const Sealing::Place& place, std::string_view plain,
                      std::string& out) override;
  // Waits for the plugin where the value's seed is a new one.
  Result<Sealing::Value> Open(const Sealing::Place& place, std::string_view bytes) override;
  SealId Current() const override;

  const std::string& name() const { return name_; }
  Duration timeout() const { return timeout_; }
  // How often the plugin had to be asked for a seed.
  uint64_t misses() const { return misses_; }

 private:
  using CipherPtr = std::shared_ptr<const ValueCipher>;
  struct Seed {
    CipherPtr cipher;
    KmsService::Encrypted sealed;
    SealId seal = kNoSeal;
    TimePoint expires;
  };
  using SeedPtr = std::shared_ptr<const Seed>;

  Result<> CheckLocked() REQUIRES(check_mutex_);
  Result<> Renew(const std::string& key_id) REQUIRES(check_mutex_);
  Result<SeedPtr> NewSeed(const std::string& uid);
  Result<CipherPtr> CipherOf(const KmsService::Encrypted& sealed, bool is_seed);
  void Keep(const std::string& digest, CipherPtr cipher);
  // For a while nobody else waits for what was waited for in vain.
  using Timer = std::chrono::steady_clock;
  void KeepFault(const std::string& digest, const std::string& fault, Timer::duration waited);
  void DropOldest() REQUIRES(known_mutex_);
  SealId SealOf(const std::string& key_id, bool is_seed) const;

  const std::string name_;
  const std::string prefix_;
  const Duration timeout_;
  const std::unique_ptr<KmsService> service_;
  const Clock& clock_;
  Random& random_;
  std::atomic<SeedPtr> seed_;  // That writes use; nullptr: there was none yet.
  std::atomic<uint64_t> misses_ = 0;

  Mutex check_mutex_;
  std::string version_ GUARDED_BY(check_mutex_);

  mutable Mutex health_mutex_;
  Result<> health_ GUARDED_BY(health_mutex_);

  Mutex known_mutex_;
  struct Known {
    CipherPtr cipher;  // Null: it could not be had, for the reason that `fault` says.
    uint64_t added;
    std::string fault = {};
    Timer::time_point until = {};  // How long that counts.
  };
  std::map<std::string, Known> known_ GUARDED_BY(known_mutex_);  // By what the seed was sealed to.
  uint64_t added_ GUARDED_BY(known_mutex_) = 0;
};

}  // namespace skiff
