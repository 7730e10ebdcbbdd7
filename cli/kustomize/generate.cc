#include "cli/kustomize/generate.h"

#include <fmt/format.h>

#include <map>

#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "base/hash.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

// A key and its value, in the order in which they are given.
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string WithoutQuotes(std::string text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Result<> AddLiterals(const std::vector<std::string>& literals, Pairs& pairs) {
  for (const std::string& literal : literals) {
    const size_t equals = literal.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return CliError(fmt::format("invalid literal source {}, expected key=value", literal));
    }
    pairs.emplace_back(literal.substr(0, equals), WithoutQuotes(literal.substr(equals + 1)));
  }
  return {};
}

Result<> AddFiles(const Loader& loader, const std::vector<std::string>& files, Pairs& pairs) {
  for (const std::string& source : files) {
    const size_t equals = source.find('=');
    if (equals == std::string::npos) {
      std::string text = TRY(loader.Load(source));
      pairs.emplace_back(source.substr(source.rfind('/') + 1), std::move(text));
      continue;
    }
    const std::string key = source.substr(0, equals);
    const std::string path = source.substr(equals + 1);
    if (path.find('=') != std::string::npos) {
      return CliError(
          fmt::format("source {} key name or file path contains '='", GoQuote(source)));
    }
    if (key.empty()) {
      return CliError(fmt::format("missing key name for file path {} in source {}", GoQuote(path),
                                  GoQuote(source)));
    }
    if (path.empty()) {
      return CliError(fmt::format("missing file path for key name {} in source {}", GoQuote(key),
                                  GoQuote(source)));
    }
    std::string text = TRY(loader.Load(path));
    pairs.emplace_back(key, std::move(text));
  }
  return {};
}

Result<> AddEnvironment(const Loader& loader, const std::vector<std::string>& files, Pairs& pairs) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  for (const std::string& file : files) {
    const std::string text = TRY(loader.Load(file));
    bool first = true;
    for (const std::string& each : Split(text, '\n')) {
      std::string_view line = each;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!IsUtf8(line)) {
        return CliError(fmt::format("a line of {} has invalid utf8 bytes", file));
      }
      if (first && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
      first = false;
      line.remove_prefix(std::min(line.find_first_not_of(" \t\v\f\r"), line.size()));
      if (line.empty() || line[0] == '#') continue;
      const size_t equals = line.find('=');
      if (equals == 0) continue;
      pairs.emplace_back(line.substr(0, equals),
                         equals == line.npos ? "" : line.substr(equals + 1));
    }
  }
  return {};
}

std::string Listed(const std::vector<std::string>& texts) {
  return fmt::format("[{}]", fmt::join(texts, " "));
}

Result<std::map<std::string, std::string>> Collect(const Loader& loader, const std::string& name,
                                                   const Json& arguments) {
  std::vector<std::string> environments = TextsAt(arguments, "envs");
  if (const std::string one = TextAt(arguments, "env"); !one.empty()) environments.push_back(one);
  const std::vector<std::string> literals = TextsAt(arguments, "literals");
  const std::vector<std::string> files = TextsAt(arguments, "files");
  Pairs pairs;
  const auto said = [](const Result<>& result, const char* what, const auto& sources) -> Result<> {
    if (result) return {};
    return CliError(fmt::format("loading KV pairs: {} {}: {}", what, Listed(sources),
                                result.error().message));
  };
  TRY(said(AddEnvironment(loader, environments, pairs), "env source files:", environments));
  TRY(said(AddLiterals(literals, pairs), "literal sources", literals));
  TRY(said(AddFiles(loader, files, pairs), "file sources:", files));
  std::map<std::string, std::string> data;
  for (auto& [key, value] : pairs) {
    if (data.emplace(key, std::move(value)).second) continue;
    return CliError(fmt::format("configmap {} illegally repeats the key `{}`", name, key));
  }
  return data;
}

// Long values are broken into lines.
std::string BrokenBase64(const std::string& bytes) {
  constexpr size_t kLine = 70;
  const std::string text = Base64(bytes);
  if (text.size() < kLine) return text;
  std::string lines;
  for (size_t at = 0; at < text.size(); at += kLine) lines += text.substr(at, kLine) + "\n";
  return lines;
}

// What the item says of an option goes before what is said of all.
Json Options(const Json& own, const Json& all) {
  Json options = Json::object();
  for (const char* name : {"labels", "annotations"}) {
    Json map = Json::object();
    if (At(all, name).is_object()) map = At(all, name);
    if (At(own, name).is_object()) map.update(At(own, name));
    options[name] = std::move(map);
  }
  for (const char* name : {"disableNameSuffixHash", "immutable"}) {
    options[name] = IsTrue(At(own, name)) || IsTrue(At(all, name));
  }
  return options;
}

Behavior BehaviorOf(const std::string& word) {
  return word == "create"    ? Behavior::kCreate
         : word == "replace" ? Behavior::kReplace
         : word == "merge"   ? Behavior::kMerge
                             : Behavior::kUnspecified;
}

// A null where there is nothing is an empty text, as where kustomize reads it.
Json Hashed(const Json& object, const char* name) {
  const Json& value = At(object, name);
  return value.is_null() ? Json("") : value;
}

}  // namespace

Result<std::unique_ptr<Resource>> Generate(const Loader& loader, Generated kind,
                                           const Json& arguments, const Json& all_options) {
  const bool secret = kind == Generated::kSecret;
  const std::string name = TextAt(arguments, "name");
  if (name.empty()) return CliError("a configmap must have a name");
  Json object = {{"apiVersion", "v1"},
                 {"kind", secret ? "Secret" : "ConfigMap"},
                 {"metadata", {{"name", name}}}};
  const std::string namespace_ = TextAt(arguments, "namespace");
  if (!namespace_.empty()) object["metadata"]["namespace"] = namespace_;
  if (secret) {
    const std::string type = TextAt(arguments, "type");
    object["type"] = type.empty() ? "Opaque" : type;
    object["data"] = Json::object();
  }
  for (const auto& [key, value] : TRY(Collect(loader, name, arguments))) {
    const bool plain = !secret && IsUtf8(value);
    object[secret || plain ? "data" : "binaryData"][key] = plain ? value : BrokenBase64(value);
  }
  const Json options = Options(At(arguments, "options"), all_options);
  for (const char* map : {"labels", "annotations"}) {
    if (!options[map].empty()) object["metadata"][map] = options[map];
  }
  if (IsTrue(options["immutable"])) object["immutable"] = true;
  auto resource = std::make_unique<Resource>();
  resource->object = std::move(object);
  resource->is_generated = true;
  resource->takes_hash = !IsTrue(options["disableNameSuffixHash"]);
  resource->behavior = BehaviorOf(TextAt(arguments, "behavior"));
  return resource;
}

std::string HashOf(const Json& object) {
  // Kustomize looks for the name where it is not, so that the hash does not depend on it.
  Json hashed = {{"kind", At(object, "kind")}, {"name", ""}, {"data", Hashed(object, "data")}};
  const bool secret = TextAt(object, "kind") == "Secret";
  if (secret) hashed["type"] = Hashed(object, "type");
  const char* also = secret ? "stringData" : "binaryData";
  if (At(object, also).is_object()) hashed[also] = At(object, also);
  std::string hash;
  // Letters and digits that make no words.
  for (const unsigned char byte : Sha256(GoJson(hashed)).substr(0, 5)) {
    for (const int digit : {byte >> 4, byte & 15}) hash += "gh2k456789mbcdtf"[digit];
  }
  return hash;
}

void AddHashes(ResourceSet& resources) {
  for (const auto& each : resources.all()) {
    if (!each->takes_hash) continue;
    const std::string hash = HashOf(each->object);
    each->Remember();
    each->object["metadata"]["name"] = NameOf(each->object) + "-" + hash;
  }
}

}  // namespace skiff::cli::kustomize
