#include "apiserver/encryption/encryption.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/type.h"
#include "apiserver/auth/pki.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/server_identity.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr std::string_view kSealedRoot = "/registry/";

Result<std::string> ReadConfigFile(const std::string& path) {
  auto text = ReadWholeFile(path);
  if (text) return text;
  return Fail(Reason::kInvalid,
              fmt::format("error while parsing file: error while loading file: error reading "
                          "encryption provider configuration file {}: {}",
                          Quoted(path), text.error().message));
}

std::string FileHash(std::string_view text) {
  return "sha256:" + Hex(Sha256(text));
}

std::unique_ptr<KmsService> ConnectToSocket(const EncryptionProvider& kms, KmsCallNote note) {
  return ConnectKms(kms.kms_endpoint, kms.kms_timeout, std::move(note));
}

Result<> HealthOf(const std::vector<std::shared_ptr<KmsProvider>>& plugins) {
  std::vector<std::string> errors;
  for (size_t i = 0; i < plugins.size(); ++i) {
    const auto health = plugins[i]->Health();
    if (!health) errors.push_back(fmt::format("kms-provider-{}: {}", i, health.error().message));
  }
  if (errors.empty()) return {};
  return Fail(Reason::kInternalError, JoinedErrors(errors));
}

}  // namespace

Encryption::Encryption(Options options, const Clock& clock, Random& random)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      metrics_(MetricDigest(ServerIdentity())) {
  for (const KindInfo* kind : BuiltInKinds()) {
    // Events are kept as those of the core group.
    if (kind->storage_key.empty() || kind->group == "events.k8s.io") continue;
    built_in_.emplace(kind->storage_key,
                      EncryptedResource{std::string(kind->group), std::string(kind->resource)});
  }
}

Result<std::unique_ptr<Encryption>> Encryption::Open(Options options, const Clock& clock,
                                                     Random& random) {
  if (!options.connect) options.connect = &ConnectToSocket;
  std::unique_ptr<Encryption> made(new Encryption(std::move(options), clock, random));
  const std::string text = TRY(ReadConfigFile(made->options_.file));
  std::shared_ptr<Rules> rules = TRY(made->Load(text));
  for (const auto& plugin : rules->plugins) {
    if (const auto well = plugin->Check(); !well) {
      made->log_.Info("kms plugin failed health check probe",
                      {{"name", plugin->name()}, {"error", well.error().message}});
    }
  }
  made->rules_ = std::move(rules);
  return made;
}

Result<std::shared_ptr<Encryption::Rules>> Encryption::Load(const std::string& text) {
  const auto config = TRY(ParseEncryptionConfig(text, options_.file, options_.reload));
  auto rules = std::make_shared<Rules>();
  rules->hash = FileHash(text);
  for (const EncryptionRule& rule : config.rules) {
    std::vector<SealingProviderPtr> providers;
    for (const EncryptionProvider& each : rule.providers) {
      if (each.type != EncryptionProvider::Type::kKms) {
        providers.push_back(MakeProvider(each));
        continue;
      }
      auto note = [this, name = each.kms_name](const std::string& method, Duration took,
                                               const std::string& code) {
        metrics_.CalledKms(name, method, code, took);
      };
      rules->plugins.push_back(std::make_shared<KmsProvider>(
          each, options_.connect(each, std::move(note)), clock_, random_));
      providers.push_back(rules->plugins.back());
    }
    for (const EncryptedResource& resource : rule.resources) {
      for (const auto& provider : providers) rules->chains[resource].Add(provider);
    }
  }
  return rules;
}

std::optional<EncryptedResource> Encryption::ResourceOf(std::string_view key) const {
  if (!key.starts_with(kSealedRoot)) return std::nullopt;
  key.remove_prefix(kSealedRoot.size());
  const size_t first = key.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = std::min(key.find('/', first + 1), key.size());
  for (const size_t end : {second, first}) {
    const auto found = built_in_.find(key.substr(0, end));
    if (found != built_in_.end()) return found->second;
  }
  // A custom resource lies below its group, which has a dot, and its own name.
  const std::string_view group = key.substr(0, first);
  if (group.find('.') == std::string_view::npos || second == key.size()) return std::nullopt;
  return EncryptedResource{std::string(group), std::string(key.substr(first + 1,
                                                                      second - first - 1))};
}

Encryption::Found Encryption::Find(std::string_view key) const {
  const auto resource = ResourceOf(key);
  // What is no object of the API has no resource, and is nobody's.
  if (!resource) return {};
  Found found{.rules = rules_.load(), .chain = nullptr, .resource = TextOf(*resource)};
  for (const EncryptedResource& name :
       {*resource, EncryptedResource{resource->group, "*"}, EncryptedResource{"*", "*"}}) {
    const auto chain = found.rules->chains.find(name);
    if (chain == found.rules->chains.end()) continue;
    found.chain = &chain->second;
    break;
  }
  return found;
}

bool Encryption::Covers(std::string_view key) const {
  return Find(key).chain != nullptr;
}

SealId Encryption::Current(std::string_view key) const {
  const Found found = Find(key);
  return found.chain ? found.chain->Current() : kNoSeal;
}

ProviderChain::Note Encryption::NoteOf(const char* direction, const std::string& resource) {
  return [this, direction, resource, begun = clock_.Monotonic()](std::string_view prefix,
                                                                const std::string& error) {
    metrics_.Transformed(resource, direction, prefix, error, clock_.Monotonic() - begun);
  };
}

Result<Sealing::Value> Encryption::Seal(const Place& place, std::string_view plain) {
  const Found found = Find(place.key);
  if (!found.chain) return Value{};
  auto sealed = found.chain->Seal(place, plain, NoteOf("to_storage", found.resource));
  if (sealed) return sealed;
  log_.Error("failed to encrypt data", {{"error", sealed.error().message}});
  return Fail(InternalErrorOf(sealed.error().message));
}

Result<Sealing::Value> Encryption::Open(const Place& place, std::string_view bytes) {
  const Found found = Find(place.key);
  if (!found.chain) return OpenSealed(nullptr, place, bytes);
  auto opened = found.chain->Open(place, bytes, NoteOf("from_storage", found.resource));
  if (!opened) {
    log_.Info("failed to decrypt data", {{"key", place.bound}, {"error", opened.error().message}});
  }
  return opened;
}

bool Encryption::HasHealthCheck() const {
  return options_.reload || !rules_.load()->plugins.empty();
}

Result<> Encryption::Health() const {
  return HealthOf(rules_.load()->plugins);
}

Duration Encryption::CheckPlugins() {
  const RulesPtr rules = rules_.load();
  bool well = true;
  for (const auto& plugin : rules->plugins) {
    const bool was_well = plugin->Health().has_value();
    const auto found = plugin->Check();
    well &= found.has_value();
    if (found.has_value() == was_well) continue;
    log_.Info(found ? "kms plugin is well again" : "kms plugin failed health check probe",
              {{"name", plugin->name()}, {"error", found ? "" : found.error().message}});
  }
  return well ? KmsProvider::kWellPeriod : KmsProvider::kFaultPeriod;
}

Duration Encryption::Step() {
  if (!options_.reload) return kNever;
  const auto reloaded = Reload();
  if (reloaded) {
    refused_.clear();
    return kFilePeriod;
  }
  metrics_.Reloaded("failure", clock_.Now());
  if (const std::string& why = reloaded.error().message; why != refused_) {
    log_.Error("error processing encryption config file",
               {{"file", options_.file}, {"error", why}});
    refused_ = why;
  }
  return kFilePeriod;
}

Result<> Encryption::Reload() {
  const std::string text = TRY(ReadConfigFile(options_.file));
  const RulesPtr before = rules_.load();
  if (!text.empty() && FileHash(text) == before->hash) return {};
  std::shared_ptr<Rules> rules = TRY(Load(text));
  for (const auto& plugin : rules->plugins) (void)plugin->Check();  // Health tells.
  if (const auto well = HealthOf(rules->plugins); !well) {
    return Fail(well.error().reason,
                "health check for new transformers failed, " + well.error().message);
  }
  rules_ = std::move(rules);
  if (changed_) changed_();
  metrics_.Reloaded("success", clock_.Now());
  log_.Info("encryption config taken anew", {{"file", options_.file}});
  plugins_.Wake();
  return {};
}

void Encryption::AddMetrics(MetricRegistry& metrics) {
  metrics_.AddTo(metrics, {.config_hash = [this] { return rules_.load()->hash; },
                           .kms_misses = [this] {
                             double misses = 0;
                             for (const auto& plugin : rules_.load()->plugins) {
                               misses += static_cast<double>(plugin->misses());
                             }
                             return misses;
                           }});
}

}  // namespace skiff
