#include "kubelet/registry_credentials.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "api/codec/base64.h"
#include "api/values.h"
#include "base/hash.h"

namespace skiff::kubelet {
namespace {

constexpr char kDefaultHost[] = "index.docker.io";

// "https://quay.io/v1/" is the same registry as "quay.io".
std::string_view WithoutScheme(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) return key.substr(scheme.size());
  }
  return key;
}

std::string_view Trimmed(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// One label of a host's name: "*" stands for any run of characters in it.
bool LabelMatches(std::string_view pattern, std::string_view label) {
  size_t at = 0, in = 0;
  // Where the last star stood, and how far it has reached: it is stretched when what follows fails.
  size_t star = std::string_view::npos, reached = 0;
  while (in < label.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      reached = in;
    } else if (at < pattern.size() && pattern[at] == label[in]) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++reached;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool HostMatches(std::string_view pattern, std::string_view host) {
  const auto port = [](std::string_view& name) {
    const size_t colon = name.rfind(':');
    if (colon == std::string_view::npos) return std::string_view();
    const std::string_view digits = name.substr(colon + 1);
    name = name.substr(0, colon);
    return digits;
  };
  if (port(pattern) != port(host)) return false;
  const auto patterns = Split(pattern, '.');
  const auto labels = Split(host, '.');
  return std::equal(patterns.begin(), patterns.end(), labels.begin(), labels.end(),
                    &LabelMatches);
}

struct Repository {
  std::string host, path;
};

// As clients of registries read names: the first part is a host only if it looks like one.
Repository RepositoryOf(const std::string& image) {
  std::string name = image.substr(0, image.find('@'));
  const size_t slash = name.rfind('/');
  const size_t colon = name.find(':', slash == std::string::npos ? 0 : slash);
  name = name.substr(0, colon);
  const size_t end = name.find('/');
  const std::string first = name.substr(0, end);
  const bool has_host = end != std::string::npos &&
                        (first.find_first_of(".:") != std::string::npos || first == "localhost");
  if (!has_host) {
    return {kDefaultHost, end == std::string::npos ? "library/" + name : name};
  }
  if (first == "docker.io") return {kDefaultHost, name.substr(end + 1)};
  return {first, name.substr(end + 1)};
}

// A user and password, given apart or as base64 of "user:password".
Result<cri::RegistryAuth> AuthOf(const Json& entry) {
  const auto text = [&](const char* key) {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  cri::RegistryAuth auth;
  auth.username = text("username");
  auth.password = text("password");
  std::string joined = text("auth");
  if (joined.empty()) return auth;
  joined.append((4 - joined.size() % 4) % 4, '=');  // Some write it without padding.
  const auto decoded = DecodeBase64(joined);
  if (!decoded) return Fail(Reason::kInvalid, "unable to decode auth field");
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) {
    return Fail(Reason::kInvalid, "unable to parse auth field, must be formatted as base64 encoded "
                                  "\"username:password\"");
  }
  auth.username = decoded->substr(0, colon);
  auth.password = decoded->substr(colon + 1);
  return auth;
}

// Not of a document: a password may be any bytes, and JSON has only characters. The length keeps
// "a" with "b:c" apart from "a:b" with "c".
std::string DigestOf(const cri::RegistryAuth& auth) {
  return Hex(Sha256(std::to_string(auth.username.size()) + ":" + auth.username + auth.password));
}

}  // namespace

bool ImageMatches(const std::string& pattern, const std::string& image) {
  const size_t slash = pattern.find('/'), end = image.find('/');
  const auto path = [](const std::string& text, size_t at) {
    return at == std::string::npos ? std::string_view() : std::string_view(text).substr(at);
  };
  return HostMatches(std::string_view(pattern).substr(0, slash),
                     std::string_view(image).substr(0, end)) &&
         path(image, end).starts_with(path(pattern, slash));
}

Result<> RegistryCredentials::Add(const core_v1::Secret& secret) {
  const bool is_json = secret.type == "kubernetes.io/dockerconfigjson";
  if (!is_json && secret.type != "kubernetes.io/dockercfg") return {};
  const auto data = secret.data.find(is_json ? ".dockerconfigjson" : ".dockercfg");
  if (data == secret.data.end() || data->second.empty()) return {};
  TrackedAuth source;
  source.secret = {secret.metadata.uid, secret.metadata.namespace_, secret.metadata.name, ""};
  const auto added = AddText(data->second, is_json, source);
  if (added) return {};
  return Fail(added.error().reason,
              "secret " + secret.metadata.name + ": " + added.error().message);
}

Result<> RegistryCredentials::AddFile(const std::string& text, bool is_json) {
  TrackedAuth source;
  source.is_for_all = true;
  return AddText(text, is_json, source);
}

void RegistryCredentials::Add(std::vector<std::pair<std::string, TrackedAuth>> auths) {
  for (auto& [key, auth] : auths) AddEntry(key, std::move(auth));
  Sort();
}

Result<> RegistryCredentials::AddText(const std::string& text, bool is_json,
                                      const TrackedAuth& source) {
  const auto before = static_cast<ptrdiff_t>(entries_.size());
  const auto invalid = [&](const std::string& why) {
    entries_.erase(entries_.begin() + before, entries_.end());
    return Fail(Reason::kInvalid, why);
  };
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return invalid("not a JSON object");
  const Json entries = is_json ? document.value("auths", Json::object()) : document;
  if (!entries.is_object()) return invalid("auths is not a JSON object");
  for (const auto& [key, entry] : entries.items()) {
    if (!entry.is_object()) return invalid(key + " is not a JSON object");
    auto auth = AuthOf(entry);
    if (!auth) return invalid(auth.error().message);
    TrackedAuth tracked = source;
    tracked.secret.hash = DigestOf(*auth);
    static_cast<cri::RegistryAuth&>(tracked) = std::move(*auth);
    AddEntry(key, std::move(tracked));
  }
  Sort();
  return {};
}

// Not one by one: a secret may have tens of thousands.
void RegistryCredentials::Sort() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.host, a.path) > std::tie(b.host, b.path);
  });
}

void RegistryCredentials::AddEntry(const std::string& key, TrackedAuth auth) {
  const std::string_view place = WithoutScheme(key);
  const size_t slash = place.find('/');
  Entry entry{std::string(place.substr(0, slash)), "", std::move(auth)};
  if (slash != std::string_view::npos) entry.path = Trimmed(place.substr(slash));
  // Where registries answer is no part of an image's name.
  if (entry.path == "v1" || entry.path == "v2") entry.path.clear();
  if (entry.host == "docker.io") entry.host = kDefaultHost;
  entries_.push_back(std::move(entry));
}

std::vector<TrackedAuth> RegistryCredentials::For(const std::string& image) const {
  const Repository wanted = RepositoryOf(image);
  std::vector<TrackedAuth> out;
  for (const Entry& entry : entries_) {
    if (HostMatches(entry.host, wanted.host) && wanted.path.starts_with(entry.path)) {
      out.push_back(entry.auth);
    }
  }
  return out;
}

}  // namespace skiff::kubelet
