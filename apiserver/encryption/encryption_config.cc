#include "apiserver/encryption/encryption_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <set>

#include "api/text/yaml.h"
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

// Decodes strictly: what no field is for, and what is of another type.
class ConfigReading {
 public:
  Result<std::vector<WrittenRule>> Of(const Json& document) {
    std::vector<WrittenRule> rules;
    Known(document, "", {"kind", "apiVersion", "resources"});
    Each(document, "", "resources", [&](const Json& item, const std::string& path) {
      WrittenRule rule;
      Known(item, path, {"resources", "providers"});
      rule.resources = Texts(item, path, "resources");
      Each(item, path, "providers", [&](const Json& provider, const std::string& at) {
        rule.providers.push_back(Provider(provider, at));
      });
      rules.push_back(std::move(rule));
    });
    if (!broken_.empty()) return Fail(Reason::kInvalid, broken_);
    if (!unknown_.empty()) {
      return Fail(Reason::kInvalid,
                  fmt::format("strict decoding error: {}", fmt::join(unknown_, ", ")));
    }
    return rules;
  }

  void Duplicate(const std::string& text) { unknown_.push_back(text); }

 private:
  static std::string Join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }
  void Broken(const std::string& path, std::string_view wanted) {
    if (broken_.empty()) broken_ = fmt::format("{} is no {}", path, wanted);
  }
  void Known(const Json& object, const std::string& path,
             std::initializer_list<std::string_view> names) {
    if (object.is_null()) return;
    if (!object.is_object()) return Broken(path, "object");
    for (const auto& [name, value] : object.items()) {
      if (std::ranges::find(names, name) != names.end()) continue;
      unknown_.push_back("unknown field " + Quoted(Join(path, name)));
    }
  }
  // nullptr: there is none.
  static const Json* Member(const Json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
  template <typename Take>
  void Each(const Json& object, const std::string& path, const char* name, Take take) {
    const Json* list = Member(object, name);
    if (list == nullptr) return;
    const std::string at = Join(path, name);
    if (!list->is_array()) return Broken(at, "list");
    for (size_t i = 0; i < list->size(); ++i) take((*list)[i], fmt::format("{}[{}]", at, i));
  }
  std::string Text(const Json& object, const std::string& path, const char* name) {
    const Json* text = Member(object, name);
    if (text == nullptr) return "";
    if (text->is_string()) return text->get<std::string>();
    Broken(Join(path, name), "string");
    return "";
  }
  std::vector<std::string> Texts(const Json& object, const std::string& path, const char* name) {
    std::vector<std::string> texts;
    Each(object, path, name, [&](const Json& item, const std::string& at) {
      if (!item.is_string()) return Broken(at, "string");
      texts.push_back(item.get<std::string>());
    });
    return texts;
  }

  std::optional<std::vector<WrittenKey>> Keys(const Json& provider, const std::string& path,
                                              const char* name) {
    const Json* cipher = Member(provider, name);
    if (cipher == nullptr) return std::nullopt;
    std::vector<WrittenKey> keys;
    const std::string at = Join(path, name);
    Known(*cipher, at, {"keys"});
    Each(*cipher, at, "keys", [&](const Json& key, const std::string& place) {
      Known(key, place, {"name", "secret"});
      keys.push_back({Text(key, place, "name"), Text(key, place, "secret")});
    });
    return keys;
  }

  WrittenProvider Provider(const Json& item, const std::string& path) {
    WrittenProvider provider;
    Known(item, path, {"aesgcm", "aescbc", "secretbox", "identity", "kms"});
    provider.aesgcm = Keys(item, path, "aesgcm");
    provider.aescbc = Keys(item, path, "aescbc");
    provider.secretbox = Keys(item, path, "secretbox");
    if (const Json* identity = Member(item, "identity")) {
      Known(*identity, Join(path, "identity"), {});
      provider.identity = true;
    }
    if (const Json* kms = Member(item, "kms")) provider.kms = Kms(*kms, Join(path, "kms"));
    return provider;
  }

  WrittenKms Kms(const Json& item, const std::string& path) {
    WrittenKms kms;
    Known(item, path, {"apiVersion", "name", "cachesize", "endpoint", "timeout"});
    kms.api_version = Text(item, path, "apiVersion");
    if (kms.api_version.empty()) kms.api_version = "v1";
    kms.name = Text(item, path, "name");
    kms.endpoint = Text(item, path, "endpoint");
    if (const Json* size = Member(item, "cachesize")) {
      if (size->is_number_integer()) {
        kms.cache_size = size->get<int64_t>();
      } else {
        Broken(Join(path, "cachesize"), "number");
      }
    }
    if (Member(item, "timeout") == nullptr) return kms;
    const auto timeout = ParseGoDuration(Text(item, path, "timeout"));
    if (timeout) {
      kms.timeout = *timeout;
    } else {
      Broken(Join(path, "timeout"), "duration");
    }
    return kms;
  }

  std::vector<std::string> unknown_;
  std::string broken_;  // The first thing that is of another type.
};

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

Result<std::vector<WrittenRule>> DecodeRules(std::string_view text) {
  const YamlDocument yaml = TRY(ParseYaml(text));
  const Json& document = yaml.value;
  if (!document.is_object()) return Fail(Reason::kInvalid, "it is no object");
  const auto text_of = [&](const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>() : "";
  };
  const std::string kind = text_of("kind");
  const std::string version = text_of("apiVersion");
  if (kind.empty()) return Fail(Reason::kInvalid, "Object 'Kind' is missing");
  if (version.empty()) return Fail(Reason::kInvalid, "Object 'apiVersion' is missing");
  if (kind != kEncryptionKind || version != kEncryptionVersion) {
    return Fail(Reason::kInvalid, fmt::format("no kind {} is registered for version {}",
                                              Quoted(kind), Quoted(version)));
  }
  ConfigReading reading;
  for (const std::string& each : yaml.duplicates) reading.Duplicate(each);
  return reading.Of(document);
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
  const auto written = DecodeRules(text);
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
