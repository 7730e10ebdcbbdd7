#include "apiserver/encryption/kms_provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/rules/names.h"
#include "api/values.h"
#include "api/violations.h"
#include "apiserver/encryption/proto/kms_envelope.pb.h"
#include "apiserver/request/api_errors.h"
#include "base/at_once.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr size_t kKeyIdBytesMax = 1024;
constexpr size_t kSealedSeedBytesMax = 1024;
constexpr size_t kAnnotationBytesMax = 32 << 10;
// EncryptedObject.encrypted_dek_source_type.
constexpr int kTypeKey = 0;
constexpr int kTypeSeed = 1;

tl::unexpected<Error> KmsFailed(std::string text) {
  return Fail(Reason::kInternalError, std::move(text));
}

// Key ids are not told in logs.
std::string HashOrEmpty(std::string_view key_id) {
  return key_id.empty() ? "" : "sha256:" + Hex(Sha256(key_id));
}

Result<> CheckKeyId(std::string_view key_id) {
  if (key_id.empty()) return KmsFailed("keyID is empty");
  if (key_id.size() <= kKeyIdBytesMax) return {};
  return KmsFailed(fmt::format("keyID is {} bytes, which exceeds the max size of {}",
                               key_id.size(), kKeyIdBytesMax));
}

// Their names are domains of two labels at least.
Result<> CheckAnnotations(const KmsService::Annotations& annotations) {
  Violations wrong;
  const FieldPath path("annotations");
  size_t bytes = 0;
  for (const auto& [name, value] : annotations) {
    bytes += name.size() + value.size();
    if (name.empty()) {
      wrong.Required(path);
      continue;
    }
    const std::string domain = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    const auto messages = Dns1123SubdomainErrors(domain);
    if (!messages.empty()) {
      wrong.Invalid(path, domain, messages.front());
    } else if (domain.find('.') == std::string::npos) {
      wrong.Invalid(path, domain,
                    "should be a domain with at least two segments separated by dots");
    }
  }
  if (!wrong.empty()) return KmsFailed(wrong.Text());
  if (bytes <= kAnnotationBytesMax) return {};
  return KmsFailed(fmt::format("total size of annotations is {}, which exceeds the max size of {}",
                               bytes, kAnnotationBytesMax));
}

Result<> Wrapped(std::string_view what, Result<> result) {
  if (result) return result;
  return KmsFailed(fmt::format("{}: {}", what, result.error().message));
}

Result<> CheckSealedSeed(const KmsService::Encrypted& sealed) {
  const size_t bytes = sealed.ciphertext.size();
  Result<> source;
  if (bytes == 0) source = KmsFailed("encrypted DEK source is empty");
  if (bytes > kSealedSeedBytesMax) {
    source = KmsFailed(fmt::format("encrypted DEK source is {} bytes, which exceeds the max size "
                                   "of {}",
                                   bytes, kSealedSeedBytesMax));
  }
  TRY(Wrapped("failed to validate encrypted DEK source", source));
  TRY(Wrapped("failed to validate key id", CheckKeyId(sealed.key_id)));
  return Wrapped("failed to validate annotations", CheckAnnotations(sealed.annotations));
}

std::string DigestOf(const KmsService::Encrypted& sealed, int type) {
  std::string text = std::to_string(type);
  const auto add = [&text](std::string_view part) {
    text.append(fmt::format(":{}:", part.size())).append(part);
  };
  add(sealed.ciphertext);
  add(sealed.key_id);
  for (const auto& [name, value] : sealed.annotations) {
    add(name);
    add(value);
  }
  return Sha256(text);
}

}  // namespace

KmsProvider::KmsProvider(const EncryptionProvider& config, std::unique_ptr<KmsService> service,
                         const Clock& clock, Random& random)
    : name_(config.kms_name),
      prefix_(fmt::format("{}kms:v2:{}:", kSealedPrefix, config.kms_name)),
      timeout_(config.kms_timeout),
      service_(std::move(service)),
      clock_(clock),
      random_(random) {}

Result<> KmsProvider::Check() {
  Result<> checked;
  {
    MutexLock lock(check_mutex_);
    checked = CheckLocked();
  }
  MutexLock lock(health_mutex_);
  health_ = checked;
  return checked;
}

Result<> KmsProvider::Health() const {
  MutexLock lock(health_mutex_);
  return health_;
}

Result<> KmsProvider::CheckLocked() {
  const auto status = service_->Status();
  if (!status) {
    return KmsFailed(fmt::format("failed to perform status section of the healthz check for KMS "
                                 "Provider {}, error: {}",
                                 name_, status.error().message));
  }
  std::vector<std::string> errors;
  if (status->healthz != "ok") {
    errors.push_back("got unexpected healthz status: " + status->healthz);
  }
  if (status->version != "v2" && status->version != "v2beta1") {
    errors.push_back(fmt::format("expected KMSv2 API version v2, got {}", status->version));
  } else {
    if (version_.empty()) version_ = status->version;
    if (version_ != status->version) {
      errors.push_back(fmt::format("KMSv2 API version should not change after the initial status "
                                   "response version {}, got {}",
                                   version_, status->version));
    }
  }
  if (const auto fit = CheckKeyId(status->key_id); !fit) {
    errors.push_back(fmt::format("got invalid KMSv2 KeyID hash {}: {}",
                                 Quoted(HashOrEmpty(status->key_id)), fit.error().message));
  } else if (const auto renewed = Renew(status->key_id); !renewed) {
    errors.push_back(renewed.error().message);
  }
  if (errors.empty()) return {};
  return KmsFailed(fmt::format("kmsv2 Provider {} is not healthy, error: {}", name_,
                               JoinedErrors(errors)));
}

// Counted from before the plugin is asked for a new one, so that nothing lives longer.
Result<> KmsProvider::Renew(const std::string& key_id) {
  const TimePoint expires = clock_.Now() + kSeedLifetime;
  const SeedPtr before = seed_.load();
  if (before && before->sealed.key_id == key_id) {
    auto longer = std::make_shared<Seed>(*before);
    longer->expires = expires;
    seed_ = std::move(longer);
    return {};
  }
  const std::string uid = random_.Uid();
  const auto made = NewSeed(uid);
  if (made && (*made)->sealed.key_id == key_id) {
    auto ready = std::make_shared<Seed>(**made);
    ready->expires = expires;
    seed_ = std::move(ready);
    return {};
  }
  return KmsFailed(fmt::format(
      "failed to rotate DEK uid={}, useSeed=true, errState={}, errGen={}, statusKeyIDHash={}, "
      "encryptKeyIDHash={}, stateKeyIDHash={}, expirationTimestamp={}",
      Quoted(uid), before ? "<nil>" : "got unexpected nil transformer",
      made ? "<nil>" : made.error().message, Quoted(HashOrEmpty(key_id)),
      Quoted(made ? HashOrEmpty((*made)->sealed.key_id) : ""),
      Quoted(before ? HashOrEmpty(before->sealed.key_id) : ""),
      before ? Time(before->expires).Rfc3339() : "0001-01-01T00:00:00Z"));
}

Result<KmsProvider::SeedPtr> KmsProvider::NewSeed(const std::string& uid) {
  const std::string plain = TRY(RandomBytes(kSeedBytes));
  auto sealed = service_->Encrypt(uid, plain);
  if (!sealed) return KmsFailed("failed to encrypt DEK, error: " + sealed.error().message);
  TRY(CheckSealedSeed(*sealed));
  auto seed = std::make_shared<Seed>();
  seed->cipher = TRY(MakeDerivedAesGcm(plain));
  seed->seal = SealOf(sealed->key_id, /*is_seed=*/true);
  seed->sealed = *std::move(sealed);
  Keep(DigestOf(seed->sealed, kTypeSeed), seed->cipher);
  return seed;
}

Result<SealId> KmsProvider::Seal(const Sealing::Place& place, std::string_view plain,
                                 std::string& out) {
  const SeedPtr seed = seed_.load();
  if (!seed) return KmsFailed("got unexpected nil transformer");
  if (const TimePoint now = clock_.Now(); now > seed->expires) {
    return KmsFailed(fmt::format("encryptedDEKSource with keyID hash {} expired at {} (current "
                                 "time is {})",
                                 Quoted(HashOrEmpty(seed->sealed.key_id)),
                                 Time(seed->expires).Rfc3339(), Time(now).Rfc3339()));
  }
  kms::EncryptedObject object;
  object.set_encrypted_data(TRY(seed->cipher->Seal(plain, place.bound)));
  object.set_key_id(seed->sealed.key_id);
  object.set_encrypted_dek_source(seed->sealed.ciphertext);
  for (const auto& [name, value] : seed->sealed.annotations) {
    (*object.mutable_annotations())[name] = value;
  }
  object.set_encrypted_dek_source_type(kTypeSeed);
  object.AppendToString(&out);
  return seed->seal;
}

Result<Sealing::Value> KmsProvider::Open(const Sealing::Place& place, std::string_view bytes) {
  kms::EncryptedObject object;
  if (!object.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return KmsFailed("proto: cannot parse invalid wire-format data");
  }
  const int type = object.encrypted_dek_source_type();
  if (type != kTypeKey && type != kTypeSeed) {
    return KmsFailed(fmt::format("unknown encryptedDEKSourceType: {}", type));
  }
  if (object.encrypted_data().empty()) return KmsFailed("encrypted data is empty");
  KmsService::Encrypted sealed{object.encrypted_dek_source(), object.key_id(), {}};
  for (const auto& [name, value] : object.annotations()) sealed.annotations[name] = value;
  TRY(CheckSealedSeed(sealed));
  const CipherPtr cipher = TRY(CipherOf(sealed, type == kTypeSeed));
  std::string plain = TRY(cipher->Open(object.encrypted_data(), place.bound));
  return Sealing::Value{std::move(plain), SealOf(sealed.key_id, type == kTypeSeed)};
}

Result<KmsProvider::CipherPtr> KmsProvider::CipherOf(const KmsService::Encrypted& sealed,
                                                     bool is_seed) {
  const std::string digest = DigestOf(sealed, is_seed ? kTypeSeed : kTypeKey);
  {
    MutexLock lock(known_mutex_);
    if (const auto found = known_.find(digest); found != known_.end()) {
      const Known& known = found->second;
      if (known.cipher) return known.cipher;
      if (Timer::now() < known.until) return KmsFailed(known.fault);
    }
  }
  if (!MayWait()) return Fail(WouldWait());
  ++misses_;
  const auto begun = Timer::now();
  const auto plain = service_->Decrypt(random_.Uid(), sealed);
  if (!plain) {
    const std::string fault = "failed to decrypt DEK, error: " + plain.error().message;
    KeepFault(digest, fault, Timer::now() - begun);
    return KmsFailed(fault);
  }
  CipherPtr cipher;
  if (is_seed) {
    cipher = TRY(MakeDerivedAesGcm(*plain));
  } else if (const size_t bytes = plain->size(); bytes == 16 || bytes == 24 || bytes == 32) {
    cipher = MakeAesGcm(*plain);
  } else {
    return KmsFailed(fmt::format("crypto/aes: invalid key size {}", bytes));
  }
  Keep(digest, cipher);
  return cipher;
}

void KmsProvider::KeepFault(const std::string& digest, const std::string& fault,
                            Timer::duration waited) {
  constexpr auto kSoon = 100ms;  // Who answers at once may be asked again at once.
  if (waited < kSoon) return;
  constexpr Timer::duration kMin = 1s;
  MutexLock lock(known_mutex_);
  Known& known = known_[digest];
  if (known.cipher) return;
  known = {.cipher = nullptr,
           .added = ++added_,
           .fault = fault,
           .until = Timer::now() + std::max(waited, kMin)};
  DropOldest();
}

void KmsProvider::DropOldest() {
  if (known_.size() <= kSeedsMax) return;
  known_.erase(std::ranges::min_element(
      known_, {}, [](const auto& each) { return each.second.added; }));
}

void KmsProvider::Keep(const std::string& digest, CipherPtr cipher) {
  MutexLock lock(known_mutex_);
  known_[digest] = {.cipher = std::move(cipher), .added = ++added_};
  DropOldest();
}

SealId KmsProvider::SealOf(const std::string& key_id, bool is_seed) const {
  return SealIdOf(prefix_ + (is_seed ? "seed" : "key"), key_id);
}

SealId KmsProvider::Current() const {
  const SeedPtr seed = seed_.load();
  // What cannot be told changes nothing: a write would fail.
  return seed ? seed->seal : kNoSeal;
}

}  // namespace skiff
