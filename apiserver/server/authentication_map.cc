#include "apiserver/server/authentication_map.h"

#include <set>
#include <string_view>

#include "base/certificates.h"

namespace skiff {
namespace {

constexpr size_t kMapBytesMax = 1024 * 1024;  // As of each ConfigMap.

bool IsBundle(std::string_view key) {
  return key.ends_with("-ca-file");
}

// Each certificate of both that is not over, once; the former ones first. Of a text that is broken
// what comes before that: what it hides is put back by the server whose it is.
std::string JoinAuthorities(std::string_view former, std::string_view latter, TimePoint now) {
  std::set<std::string> known;
  std::string joined;
  for (const std::string_view pem : {former, latter}) {
    for (const std::string& each : SplitCertificates(pem)) {
      const auto expiry = ExpiryOf(each);
      if (!expiry || *expiry < now || !known.insert(each).second) continue;
      joined += each;
    }
  }
  return joined;
}

size_t BytesOf(const Json& document) {
  size_t bytes = 0;
  for (const char* field : {"data", "binaryData"}) {
    const auto found = document.find(field);
    if (found == document.end()) continue;
    for (const Json& value : *found) {
      if (value.is_string()) bytes += value.get_ref<const std::string&>().size();
    }
  }
  return bytes;
}

}  // namespace

Json AuthenticationData(const std::string& client_ca_pem, const FrontProxyOptions& front_proxy,
                        TimePoint now) {
  Json data = Json::object();
  const auto add = [&](const char* key, const std::string& pem) {
    std::string authorities = JoinAuthorities("", pem, now);
    if (!authorities.empty()) data[key] = std::move(authorities);
  };
  add("client-ca-file", client_ca_pem);
  if (front_proxy.client_ca_pem.empty()) return data;
  add("requestheader-client-ca-file", front_proxy.client_ca_pem);
  data["requestheader-allowed-names"] = Json(front_proxy.allowed_names).dump();
  data["requestheader-username-headers"] = Json(front_proxy.username_headers).dump();
  data["requestheader-uid-headers"] = Json(front_proxy.uid_headers).dump();
  data["requestheader-group-headers"] = Json(front_proxy.group_headers).dump();
  data["requestheader-extra-headers-prefix"] = Json(front_proxy.extra_header_prefixes).dump();
  return data;
}

bool MergeAuthentication(const Json& wanted, TimePoint now, Json& document) {
  const Json before = document;
  Json& data = document["data"];
  if (!data.is_object()) data = Json::object();
  for (const auto& [key, value] : wanted.items()) {
    if (!IsBundle(key)) data[key] = value;
  }
  for (const std::string key : {"client-ca-file", "requestheader-client-ca-file"}) {
    std::string joined = JoinAuthorities(data.value(key, ""), wanted.value(key, ""), now);
    if (joined.empty()) {
      data.erase(key);
    } else {
      data[key] = std::move(joined);
    }
  }
  if (BytesOf(document) > kMapBytesMax) {
    data = wanted;
    document.erase("binaryData");
  }
  if (data.empty() && !before.contains("data")) document.erase("data");
  return document != before;
}

}  // namespace skiff
