#include "apiserver/kinds/openapi_response.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "api/codec/json.h"
#include "api/openapi/kinds_by_group.h"
#include "api/openapi/openapi_v2.h"
#include "api/openapi/openapi_v3.h"
#include "apiserver/request/media.h"
#include "apiserver/request/respond.h"
#include "base/gzip.h"
#include "base/hash.h"

namespace skiff {
namespace {

std::string UpperHash(std::string_view text) {
  std::string hash = Hex(Sha512(text));
  std::transform(hash.begin(), hash.end(), hash.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return hash;
}

// Which of the two forms of a document is wanted; nullopt: neither. `protobuf_names` are the media
// types of the other one: with the "@" that its first clients used, and without.
std::optional<bool> WantsProtobuf(const http::Request& request,
                                  std::span<const std::string_view> protobuf_names) {
  const std::string_view header = request.Header("Accept");
  if (header.empty()) return false;
  for (size_t at = 0; at <= header.size();) {
    const size_t comma = std::min(header.find(',', at), header.size());
    const std::string media = BareMediaType(header.substr(at, comma - at));
    at = comma + 1;
    if (media == "application/json" || media == "*/*" || media == "application/*") return false;
    if (std::find(protobuf_names.begin(), protobuf_names.end(), media) != protobuf_names.end()) {
      return true;
    }
  }
  return std::nullopt;
}

constexpr std::string_view kV2Protobuf[] = {
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"};

constexpr std::string_view kV3Protobuf[] = {
    "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"};

using Serials = std::vector<uint64_t>;

// Of the kinds made at run time, in order.
Serials SerialsOf(const KindSet& kinds) {
  Serials serials;
  for (const KindInfo* kind : kinds.kinds()) {
    if (const RuntimeKind* runtime = RuntimeKindOf(*kind)) serials.push_back(runtime->serial);
  }
  return serials;
}

// Of those that a document tells of, by its key: of one version, "apis/example.com/v1", or of the
// versions of a group.
std::map<std::string, Serials, std::less<>> SerialsByKey(const KindSet& kinds) {
  std::map<std::string, Serials, std::less<>> by_key;
  for (const KindInfo* kind : kinds.kinds()) {
    const RuntimeKind* runtime = RuntimeKindOf(*kind);
    if (runtime == nullptr) continue;
    by_key["apis/" + std::string(kind->api_version)].push_back(runtime->serial);
    by_key["apis/" + std::string(kind->group)].push_back(runtime->serial);
  }
  return by_key;
}

// The packed text as it is to those who take gzip.
void SetBody(const http::Request& request, const std::string& packed, http::Response& response) {
  if (AcceptsGzip(request)) {
    response.SetHeader("Content-Encoding", "gzip");
    response.body = packed;
  } else {
    response.body = Gunzip(packed);
  }
}

}  // namespace

const OpenApiDocuments::Document& OpenApiDocuments::V2(const KindSet& kinds, bool protobuf,
                                                       const OtherDocuments& others) {
  Document& kept = protobuf ? v2_protobuf_ : v2_json_;
  Serials serials = SerialsOf(kinds);
  std::vector<std::string> hashes;
  for (const PackedDocumentPtr& other : others) hashes.push_back(other->hash);
  if (!kept.packed.empty() && kept.serials == serials && kept.others == hashes) return kept;
  std::vector<Json> documents;
  for (const PackedDocumentPtr& other : others) {
    auto document = ParseJson(Gunzip(other->packed));
    if (document) documents.push_back(*std::move(document));
  }
  const std::string text = protobuf ? OpenApiV2Protobuf(kinds.kinds(), std::move(documents))
                                    : OpenApiV2Document(kinds.kinds(), std::move(documents));
  kept = {.packed = Gzip(text),
          .hash = UpperHash(text),
          .serials = std::move(serials),
          .others = std::move(hashes)};
  return kept;
}

// Only what other kinds are in by now is made anew.
OpenApiDocuments::Documents& OpenApiDocuments::V3(const KindSet& kinds) {
  Serials all = SerialsOf(kinds);
  if (!v3_.empty() && all == v3_serials_) return v3_;
  Documents next;
  const KindsByGroup by_group(kinds.kinds());
  auto by_key = SerialsByKey(kinds);
  for (const std::string& key : OpenApiV3Keys(kinds.kinds())) {
    Serials serials = std::move(by_key[key]);
    const auto kept = v3_.find(key);
    // The list of groups is in none of a group's own documents.
    if (kept != v3_.end() && kept->second.serials == serials) {
      next[key] = std::move(kept->second);
      continue;
    }
    const auto text = OpenApiV3Document(by_group.Of(key), key);
    if (!text) continue;
    next[key] = {.packed = Gzip(*text), .hash = UpperHash(*text), .serials = std::move(serials)};
  }
  v3_ = std::move(next);
  v3_serials_ = std::move(all);
  return v3_;
}

http::Response OpenApiDocuments::AnswerV2(const KindSet& kinds, const http::Request& request,
                                          const OtherDocuments& others) {
  http::Response response;
  response.SetHeader("Vary", "Accept");
  const auto protobuf = WantsProtobuf(request, kV2Protobuf);
  if (!protobuf) {
    response.status = 406;
    return response;
  }
  const MutexLock lock(mutex_);
  const Document& document = V2(kinds, *protobuf, others);
  const std::string tag = "\"" + document.hash + "\"";
  response.SetHeader("ETag", tag);
  if (request.Header("If-None-Match") == tag) {
    response.status = 304;
    return response;
  }
  response.content_type = *protobuf ? std::string(kV2Protobuf[0]) : "application/json";
  SetBody(request, document.packed, response);
  return response;
}

http::Response OpenApiDocuments::AnswerV3(const KindSet& kinds, const http::Request& request,
                                          std::string_view key) {
  http::Response response;
  const MutexLock lock(mutex_);
  Documents& documents = V3(kinds);
  const auto found = documents.find(key);
  if (found == documents.end()) {
    response.status = 404;
    return response;
  }
  const auto protobuf = WantsProtobuf(request, kV3Protobuf);
  if (!protobuf) {
    response.status = 406;
    return response;
  }
  // Both forms have one hash, that of the JSON: they are of one document.
  Document& document = found->second;
  const std::string tag = "\"" + document.hash + "\"";
  if (const auto hash = request.Query("hash")) {
    if (*hash != document.hash) {
      response.status = 301;
      response.content_type = "application/json";
      response.SetHeader("Location", "/openapi/v3/" + std::string(key) + "?hash=" + document.hash);
      return response;
    }
    response.SetHeader("Cache-Control", "public, immutable");
  }
  response.SetHeader("ETag", tag);
  response.SetHeader("Vary", "Accept");
  if (request.Header("If-None-Match") == tag) {
    response.status = 304;
    return response;
  }
  if (*protobuf && document.protobuf.empty()) {
    document.protobuf = Gzip(OpenApiV3Protobuf(kinds.kinds(), key).value_or(""));
  }
  response.content_type = *protobuf ? std::string(kV3Protobuf[0]) : "application/json";
  SetBody(request, *protobuf ? document.protobuf : document.packed, response);
  return response;
}

std::optional<http::Response> OpenApiDocuments::Answer(const KindSet& kinds,
                                                       const http::Request& request,
                                                       const Others& others) {
  constexpr std::string_view kV3 = "/openapi/v3";
  std::string_view path = request.path;
  if (path == "/openapi/v2") return AnswerV2(kinds, request, others.v2);
  if (!path.starts_with(kV3)) return std::nullopt;
  path.remove_prefix(kV3.size());
  if (path.starts_with('/')) return AnswerV3(kinds, request, path.substr(1));
  if (!path.empty()) return std::nullopt;
  std::map<std::string, std::string> by_key(others.v3.begin(), others.v3.end());
  {
    const MutexLock lock(mutex_);
    for (const auto& [key, document] : V3(kinds)) by_key.emplace(key, document.hash);
  }
  const Hashes hashes(by_key.begin(), by_key.end());
  http::Response response;
  response.content_type = "text/plain; charset=utf-8";  // As Kubernetes sends this one document.
  response.body = OpenApiV3Index(hashes);
  response.SetHeader("ETag", "\"" + UpperHash(response.body) + "\"");
  response.SetHeader("Vary", "Accept");
  return response;
}

}  // namespace skiff
