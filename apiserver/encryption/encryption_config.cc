#include "apiserver/encryption/encryption_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "api/text/configuration_file.h"
#include "api/violations.h"
#include "apiserver/request/api_errors.h"
#include "base/flags.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr char kEncryptionVersion[] = "apiserver.config.k8s.io/v1";
constexpr char kEncryptionKind[] = "EncryptionConfiguration";
constexpr char kOnePerElement[] =
    "more than one provider specified in a single element, should split into different list "
    "elements";
constexpr char kNoProvider[] =
    "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, "
    "Identity";
constexpr char kOverlap[] =
    "using overlapping resources such as 'secrets' and '*.' in the same resource list is not "
    "allowed as they will be masked";
constexpr char kNoKmsV1[] =
    "KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  "
    "Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.";

using ProviderType = EncryptionProvider::Type;

// As the file says it, before it is judged.
struct WrittenKey {
  std::string name;
  std::string secret;  // base64
};
struct WrittenKms {
  std::string api_version, name, endpoint;
  std::optional<int64_t> cache_size;
  Duration timeout = 3s;
};
struct WrittenProvider {
  std::optional<std::vector<WrittenKey>> aesgcm, aescbc, secretbox;
  std::optional<WrittenKms> kms;
  bool identity = false;
};
struct WrittenRule {
  std::vector<std::string> resources;
  std::vector<WrittenProvider> providers;
};

ConfigurationReading::Take KeysOf(ConfigurationReading& in,
                                  std::optional<std::vector<WrittenKey>>& to, const char* go_name) {
  return [&in, &to, go_name](const Json& cipher) {
    in.Object(
        cipher, go_name,
        {{"keys", in.List<WrittenKey>(to.emplace(), "v1.Key", [&](const Json& json, auto& key) {
            in.Object(json, "Key", {{"name", in.Text(key.name)}, {"secret", in.Text(key.secret)}});
          })}});
  };
}

void ReadKms(ConfigurationReading& in, const Json& json, WrittenKms& kms) {
  in.Object(json, "KMSConfiguration",
            {{"apiVersion", in.Text(kms.api_version)},
             {"name", in.Text(kms.name)},
             {"cachesize", in.Number(kms.cache_size)},
             {"endpoint", in.Text(kms.endpoint)},
             {"timeout", in.Time(kms.timeout)}});
  if (kms.api_version.empty()) kms.api_version = "v1";
}

void ReadProvider(ConfigurationReading& in, const Json& json, WrittenProvider& provider) {
  in.Object(json, "ProviderConfiguration",
            {{"aesgcm", KeysOf(in, provider.aesgcm, "AESConfiguration")},
             {"aescbc", KeysOf(in, provider.aescbc, "AESConfiguration")},
             {"secretbox", KeysOf(in, provider.secretbox, "SecretboxConfiguration")},
             {"identity",
              [&](const Json& identity) {
                provider.identity = true;
                in.Object(identity, "IdentityConfiguration", {});
              }},
             {"kms", [&](const Json& kms) { ReadKms(in, kms, provider.kms.emplace()); }}});
}

void ReadRule(ConfigurationReading& in, const Json& json, WrittenRule& rule) {
  in.Object(json, "ResourceConfiguration",
            {{"resources", in.Texts(rule.resources)},
             {"providers", in.List<WrittenProvider>(rule.providers, "v1.ProviderConfiguration",
                                                    [&](const Json& item, auto& provider) {
                                                      ReadProvider(in, item, provider);
                                                    })}});
}

// As kube-apiserver prints it, but for the keys.
std::string PrintedKeys(const std::optional<std::vector<WrittenKey>>& keys) {
  if (!keys) return "null";
  std::vector<std::string> items;
  for (const WrittenKey& key : *keys) {
    items.push_back(fmt::format(R"({{"Name":{},"Secret":"REDACTED"}})", Json(key.name).dump()));
  }
  return fmt::format(R"({{"Keys":[{}]}})", fmt::join(items, ","));
}

Printed PrintedProvider(const WrittenProvider& provider) {
  std::string kms = "null";
  if (provider.kms) {
    kms = fmt::format(R"({{"APIVersion":{},"Name":{},"CacheSize":{},"Endpoint":{},)"
                      R"("Timeout":"{}"}})",
                      Json(provider.kms->api_version).dump(), Json(provider.kms->name).dump(),
                      provider.kms->cache_size ? std::to_string(*provider.kms->cache_size) : "null",
                      Json(provider.kms->endpoint).dump(), GoDurationText(provider.kms->timeout));
  }
  return Printed::Verbatim(fmt::format(
      R"({{"AESGCM":{},"AESCBC":{},"Secretbox":{},"Identity":{},"KMS":{}}})",
      PrintedKeys(provider.aesgcm), PrintedKeys(provider.aescbc), PrintedKeys(provider.secretbox),
      provider.identity ? "{}" : "null", kms));
}

// What validation of kube-apiserver finds, in its order.
class ConfigJudging {
 public:
  explicit ConfigJudging(bool reload) : reload_(reload) {}

  Result<> Judge(const std::vector<WrittenRule>& rules) {
    if (rules.empty()) {
      out_.Required(FieldPath("resources"), "at least one resources is required");
    }
    for (size_t i = 0; i < rules.size(); ++i) Rule(rules[i], FieldPath("resources").Index(i));
    if (out_.empty()) return {};
    return Fail(Reason::kInvalid, out_.Text());
  }

 private:
  void Rule(const WrittenRule& rule, const FieldPath& path) {
    const FieldPath resources = path.Child("resources");
    const FieldPath providers = path.Child("providers");
    const auto required = [&](const FieldPath& at) {
      out_.Required(at, fmt::format("at least one {} is required", at.Text()));
    };
    if (rule.resources.empty()) required(resources);
    Overlaps(rule.resources, resources);
    for (size_t i = 0; i < rule.resources.size(); ++i) {
      const std::string wrong = WrongResource(rule.resources[i]);
      if (!wrong.empty()) out_.Invalid(resources.Index(i), rule.resources[i], wrong);
    }
    if (rule.providers.empty()) required(providers);
    for (size_t i = 0; i < rule.providers.size(); ++i) {
      Provider(rule.providers[i], providers.Index(i));
    }
  }

  void Overlaps(const std::vector<std::string>& texts, const FieldPath& path) {
    bool twice = false;
    bool overlap = false;
    const EncryptedResource any{"*", "*"};
    for (size_t i = 0; i < texts.size(); ++i) {
      for (size_t j = 0; j < texts.size(); ++j) {
        if (i == j) continue;
        const EncryptedResource a = ParseEncryptedResource(texts[i]);
        const EncryptedResource b = ParseEncryptedResource(texts[j]);
        if (a == b && !twice) {
          twice = true;
          continue;
        }
        overlap |= a == any || (a.group == b.group && (a.resource == "*" || b.resource == "*"));
      }
    }
    const Json list = texts;
    if (twice) out_.Invalid(path, list, "the same resource cannot be specified multiple times");
    if (overlap) out_.Invalid(path, list, kOverlap);
  }

  static std::string WrongResource(const std::string& text) {
    if (std::ranges::any_of(text, [](unsigned char c) { return std::isupper(c) != 0; })) {
      return "resource name should not contain capital letters";
    }
    if (text == "*") {
      return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all "
             "resources";
    }
    if (text == "apiserveripinfo" || text == "serviceipallocations" ||
        text == "servicenodeportallocations") {
      return "resources which do not have REST API/s cannot be encrypted";
    }
    const EncryptedResource resource = ParseEncryptedResource(text);
    if (resource.group == "events.k8s.io") {
      return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use "
             "'events' instead in the config file";
    }
    if (resource.group == "extensions") {
      return "'extensions' group has been removed and cannot be used for encryption";
    }
    if (resource.group == "*" && resource.resource != "*") {
      return "encrypting the same resource across groups is not supported";
    }
    return "";
  }

  void Provider(const WrittenProvider& provider, const FieldPath& path) {
    const int found = int{provider.kms.has_value()} + int{provider.aesgcm.has_value()} +
                      int{provider.aescbc.has_value()} + int{provider.secretbox.has_value()} +
                      int{provider.identity};
    if (found != 1) {
      out_.Invalid(path, PrintedProvider(provider), found == 0 ? kNoProvider : kOnePerElement);
    }
    if (provider.kms) {
      Kms(*provider.kms, path.Child("kms"));
      kms_names_.insert(provider.kms->name);
    } else if (provider.aesgcm) {
      Keys(*provider.aesgcm, path.Child("aesgcm").Child("keys"), {16, 24, 32});
    } else if (provider.aescbc) {
      Keys(*provider.aescbc, path.Child("aescbc").Child("keys"), {16, 24, 32});
    } else if (provider.secretbox) {
      Keys(*provider.secretbox, path.Child("secretbox").Child("keys"), {32});
    }
  }

  void Keys(const std::vector<WrittenKey>& keys, const FieldPath& path,
            const std::vector<size_t>& lengths) {
    if (keys.empty()) out_.Required(path, "at least one keys is required");
    for (size_t i = 0; i < keys.size(); ++i) {
      const FieldPath secret = path.Index(i).Child("secret");
      if (keys[i].name.empty()) {
        out_.Required(path.Index(i).Child("name"), "name is a mandatory field for a key");
      }
      if (keys[i].secret.empty()) {
        out_.Required(secret, "secret is a mandatory field for a key");
        continue;
      }
      const auto bytes = FromBase64(keys[i].secret);
      if (!bytes) {
        out_.Invalid(secret, "REDACTED", "secrets must be base64 encoded");
      } else if (std::ranges::find(lengths, bytes->size()) == lengths.end()) {
        out_.Invalid(secret, "REDACTED",
                     fmt::format("secret is not of the expected length, got {}, expected one of "
                                 "[{}]",
                                 bytes->size(), fmt::join(lengths, " ")));
      }
    }
  }

  void Kms(const WrittenKms& kms, const FieldPath& path) {
    const bool is_v1 = kms.api_version == "v1";
    const FieldPath name = path.Child("name");
    if (kms.name.empty()) out_.Required(name, "name is a mandatory field for a provider");
    if (!is_v1 && kms.name.find(':') != std::string::npos) {
      out_.Invalid(name, kms.name,
                   fmt::format("invalid KMS provider name {}, must not contain ':'", kms.name));
    }
    if ((reload_ || !is_v1) && kms_names_.contains(kms.name)) {
      out_.Invalid(name, kms.name,
                   fmt::format("duplicate KMS provider name {}, names must be unique", kms.name));
    }
    if (kms.timeout <= Duration::zero()) {
      out_.Invalid(path.Child("timeout"), GoDurationText(kms.timeout),
                   "timeout should be a positive value");
    }
    Endpoint(kms.endpoint, path.Child("endpoint"));
    const FieldPath cache = path.Child("cachesize");
    if (!is_v1 && kms.cache_size) {
      out_.Invalid(cache, *kms.cache_size, "cachesize is not supported in v2");
    }
    if (is_v1 && kms.cache_size == 0) {
      out_.Invalid(cache, 0, "cachesize should be a positive value, or negative to disable");
    }
    if (!is_v1 && kms.api_version != "v2") {
      out_.Invalid(path.Child("apiVersion"), kms.api_version,
                   "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are "
                   "supported");
    }
  }

  void Endpoint(const std::string& endpoint, const FieldPath& path) {
    if (endpoint.empty()) return out_.Invalid(path, "", "endpoint is a mandatory field for a kms");
    const size_t colon = endpoint.find(':');
    const std::string scheme = colon == std::string::npos ? "" : endpoint.substr(0, colon);
    if (scheme == "unix") return;
    out_.Invalid(path, endpoint,
                 fmt::format("unsupported scheme {} for KMS provider, only unix is supported",
                             Quoted(scheme)));
  }

  const bool reload_;
  Violations out_;
  std::set<std::string> kms_names_;
};

std::vector<EncryptionKey> DecodedKeys(const std::vector<WrittenKey>& written) {
  std::vector<EncryptionKey> keys;
  for (const WrittenKey& key : written) keys.push_back({key.name, *FromBase64(key.secret)});
  return keys;
}

// Of one that was found to be well.
EncryptionProvider ProviderOf(const WrittenProvider& written) {
  if (written.aesgcm) return {.type = ProviderType::kAesGcm, .keys = DecodedKeys(*written.aesgcm)};
  if (written.aescbc) return {.type = ProviderType::kAesCbc, .keys = DecodedKeys(*written.aescbc)};
  if (written.secretbox) {
    return {.type = ProviderType::kSecretbox, .keys = DecodedKeys(*written.secretbox)};
  }
  if (!written.kms) return {.type = ProviderType::kIdentity};
  return {.type = ProviderType::kKms,
          .keys = {},
          .kms_name = written.kms->name,
          .kms_api_version = written.kms->api_version,
          .kms_endpoint = written.kms->endpoint,
          .kms_timeout = written.kms->timeout};
}

// An earlier rule for a whole group, or for all, takes what a later one is for.
Result<> CheckMasks(const EncryptionConfig& config) {
  std::set<EncryptedResource> seen;
  for (const EncryptionRule& rule : config.rules) {
    for (const EncryptionProvider& provider : rule.providers) {
      if (provider.type == ProviderType::kKms && provider.kms_api_version == "v1") {
        return Fail(Reason::kInvalid, kNoKmsV1);
      }
    }
    for (const EncryptedResource& resource : rule.resources) {
      for (const EncryptedResource& wider :
           {EncryptedResource{resource.group, "*"}, EncryptedResource{"*", "*"}}) {
        if (!seen.contains(wider)) continue;
        return Fail(Reason::kInvalid, fmt::format("resource {} is masked by earlier rule {}",
                                                  Quoted(TextOf(resource)),
                                                  Quoted(TextOf(wider))));
      }
      seen.insert(resource);
    }
  }
  return {};
}

// No error shows the text: there are keys in it.
Result<std::vector<WrittenRule>> DecodeRules(std::string_view text, bool& is_other) {
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  const TypeMeta meta = TRY(ServerConfigurationMeta(yaml.value, "REDACTED"));
  if (meta.api_version != kEncryptionVersion) return Fail(NoSuchConfiguration(meta));
  is_other = meta.kind != kEncryptionKind;
  if (is_other) {
    return Fail(Reason::kInvalid, fmt::format("got unexpected config type: {}, Kind={}",
                                              meta.api_version, meta.kind));
  }
  std::vector<WrittenRule> rules;
  ConfigurationReading in(kEncryptionKind, yaml.duplicates);
  in.Object(yaml.value, kEncryptionKind,
            {{"kind", ConfigurationReading::Pass},
             {"apiVersion", ConfigurationReading::Pass},
             {"resources", in.List<WrittenRule>(
                               rules, "v1.ResourceConfiguration",
                               [&](const Json& item, auto& rule) { ReadRule(in, item, rule); })}});
  TRY(in.End());
  return rules;
}

}  // namespace

EncryptedResource ParseEncryptedResource(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return {"", std::string(text)};
  return {std::string(text.substr(dot + 1)), std::string(text.substr(0, dot))};
}

std::string TextOf(const EncryptedResource& resource) {
  if (resource.group.empty()) return resource.resource + (resource.resource == "*" ? "." : "");
  return resource.resource + "." + resource.group;
}

Result<EncryptionConfig> ParseEncryptionConfig(std::string_view text, const std::string& file,
                                               bool reload) {
  const auto failed = [](std::string_view doing, std::string_view why) {
    return Fail(Reason::kInvalid, fmt::format("error while {}: {}", doing, why));
  };
  if (text.empty()) {
    return failed("parsing file",
                  fmt::format("error while loading file: encryption provider configuration file "
                              "{} is empty",
                              Quoted(file)));
  }
  bool is_other = false;
  const auto written = DecodeRules(text, is_other);
  if (!written && is_other) return failed("parsing file", written.error().message);
  if (!written) {
    return failed("parsing file",
                  fmt::format("error decoding encryption provider configuration file {}: {}",
                              Quoted(file), written.error().message));
  }
  if (const auto fit = ConfigJudging(reload).Judge(*written); !fit) {
    return failed("parsing file", fit.error().message);
  }
  EncryptionConfig config;
  for (const WrittenRule& each : *written) {
    EncryptionRule rule;
    for (const std::string& name : each.resources) {
      rule.resources.push_back(ParseEncryptedResource(name));
    }
    for (const WrittenProvider& provider : each.providers) {
      rule.providers.push_back(ProviderOf(provider));
    }
    config.rules.push_back(std::move(rule));
  }
  if (const auto fit = CheckMasks(config); !fit) {
    return failed("building transformers", fit.error().message);
  }
  return config;
}

}  // namespace skiff
