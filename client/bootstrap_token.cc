#include "client/bootstrap_token.h"

#include <algorithm>

#include "base/hash.h"

namespace skiff {
namespace {

constexpr size_t kIdLength = 6;
constexpr size_t kSecretLength = 16;
constexpr size_t kGroupLengthMax = 256;
constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

bool IsOfAlphabet(std::string_view text) {
  return text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

std::string Draw(Random& random, size_t length) {
  std::string text;
  while (text.size() < length) text += kAlphabet[random.Below(kAlphabet.size())];
  return text;
}

std::string ValueOf(const core_v1::Secret& secret, const char* key) {
  const auto found = secret.data.find(key);
  return found == secret.data.end() ? "" : found->second;
}

std::vector<std::string> SplitGroups(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    groups.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

}  // namespace

std::optional<BootstrapToken> BootstrapToken::Parse(std::string_view text) {
  if (text.size() != kIdLength + 1 + kSecretLength || text[kIdLength] != '.') return std::nullopt;
  const std::string_view id = text.substr(0, kIdLength);
  const std::string_view secret = text.substr(kIdLength + 1);
  if (!IsOfAlphabet(id) || !IsOfAlphabet(secret)) return std::nullopt;
  return BootstrapToken{std::string(id), std::string(secret)};
}

BootstrapToken BootstrapToken::Generate(Random& random) {
  BootstrapToken token;
  token.id = Draw(random, kIdLength);
  token.secret = Draw(random, kSecretLength);
  return token;
}

bool IsBootstrapGroup(std::string_view group) {
  if (!group.starts_with(kBootstrapGroupPrefix)) return false;
  const std::string_view rest = group.substr(kBootstrapGroupPrefix.size());
  if (rest.empty() || rest.size() > kGroupLengthMax) return false;
  return IsOfAlphabet(rest.substr(rest.size() - 1)) &&
         rest.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz:-") == std::string_view::npos;
}

Result<BootstrapSecret> ReadBootstrapSecret(const core_v1::Secret& secret) {
  const auto invalid = [&](const std::string& what) {
    return Fail(Reason::kInvalid, "secret " + secret.metadata.name + ": " + what);
  };
  if (secret.type != kBootstrapTokenType) return invalid("is no bootstrap token");
  BootstrapSecret read{
      .token = {.id = ValueOf(secret, "token-id"), .secret = ValueOf(secret, "token-secret")}};
  const BootstrapToken& token = read.token;
  if (token.id.size() != kIdLength || !IsOfAlphabet(token.id) || token.secret.empty()) {
    return invalid("token-id or token-secret is missing or malformed");
  }
  if (secret.metadata.name != token.SecretName()) return invalid("is not named after its id");
  if (const std::string text = ValueOf(secret, "expiration"); !text.empty()) {
    const auto expiration = Time::Parse(text);
    // A time that cannot be read must not mean that the token lives for ever.
    if (!expiration) return invalid("expiration: " + expiration.error().message);
    read.expiration = expiration->point();
  }
  read.may_authenticate = ValueOf(secret, "usage-bootstrap-authentication") == "true";
  read.may_sign = ValueOf(secret, "usage-bootstrap-signing") == "true";
  read.description = ValueOf(secret, "description");
  read.groups = SplitGroups(ValueOf(secret, "auth-extra-groups"));
  for (const std::string& group : read.groups) {
    if (!IsBootstrapGroup(group)) return invalid("bootstrap group \"" + group + "\" is invalid");
  }
  return read;
}

core_v1::Secret MakeBootstrapSecret(const BootstrapSecret& token) {
  core_v1::Secret secret;
  secret.metadata.namespace_ = kBootstrapTokenNamespace;
  secret.metadata.name = token.token.SecretName();
  secret.type = kBootstrapTokenType;
  secret.data["token-id"] = token.token.id;
  secret.data["token-secret"] = token.token.secret;
  if (token.expiration) secret.data["expiration"] = Time(*token.expiration).Rfc3339();
  if (!token.description.empty()) secret.data["description"] = token.description;
  if (token.may_authenticate) secret.data["usage-bootstrap-authentication"] = "true";
  if (token.may_sign) secret.data["usage-bootstrap-signing"] = "true";
  std::string groups;
  for (const std::string& group : token.groups) groups += (groups.empty() ? "" : ",") + group;
  if (!groups.empty()) secret.data["auth-extra-groups"] = groups;
  return secret;
}

std::string SignClusterInfo(const BootstrapToken& token, std::string_view content) {
  const std::string header = Base64Url(R"({"alg":"HS256","kid":")" + token.id + "\"}");
  const std::string signed_text = header + "." + Base64Url(content);
  return header + ".." + Base64Url(HmacSha256(token.secret, signed_text));
}

}  // namespace skiff
