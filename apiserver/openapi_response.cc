#include "apiserver/openapi_response.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "api/openapi_v2.h"
#include "api/openapi_v3.h"
#include "apiserver/media.h"
#include "apiserver/respond.h"
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

const OpenApiDocuments::Document& OpenApiDocuments::V2(bool protobuf) {
  std::optional<Document>& kept = protobuf ? v2_protobuf_ : v2_json_;
  if (!kept) {
    const std::string text =
        protobuf ? OpenApiV2Protobuf(BuiltInKinds()) : OpenApiV2Document(BuiltInKinds());
    kept = Document{Gzip(text), UpperHash(text)};
  }
  return *kept;
}

const std::map<std::string, OpenApiDocuments::Document, std::less<>>& OpenApiDocuments::V3() {
  if (v3_.empty()) {
    for (const std::string& key : OpenApiV3Keys(BuiltInKinds())) {
      const auto text = OpenApiV3Document(BuiltInKinds(), key);
      if (text) v3_[key] = {Gzip(*text), UpperHash(*text)};
    }
  }
  return v3_;
}

http::Response OpenApiDocuments::AnswerV2(const http::Request& request) {
  http::Response response;
  response.SetHeader("Vary", "Accept");
  const auto protobuf = WantsProtobuf(request, kV2Protobuf);
  if (!protobuf) {
    response.status = 406;
    return response;
  }
  const MutexLock lock(mutex_);
  const Document& document = V2(*protobuf);
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

http::Response OpenApiDocuments::AnswerV3(const http::Request& request, std::string_view key) {
  http::Response response;
  const MutexLock lock(mutex_);
  const auto found = V3().find(key);
  if (found == V3().end()) {
    response.status = 404;
    return response;
  }
  if (!WantsProtobuf(request, {})) {
    response.status = 406;
    return response;
  }
  const Document& document = found->second;
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
  response.content_type = "application/json";
  SetBody(request, document.packed, response);
  return response;
}

std::optional<http::Response> OpenApiDocuments::Answer(const http::Request& request) {
  constexpr std::string_view kV3 = "/openapi/v3";
  std::string_view path = request.path;
  if (path == "/openapi/v2") return AnswerV2(request);
  if (!path.starts_with(kV3)) return std::nullopt;
  path.remove_prefix(kV3.size());
  if (path.starts_with('/')) return AnswerV3(request, path.substr(1));
  if (!path.empty()) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> hashes;
  {
    const MutexLock lock(mutex_);
    for (const auto& [key, document] : V3()) hashes.emplace_back(key, document.hash);
  }
  http::Response response;
  response.content_type = "text/plain; charset=utf-8";  // As Kubernetes sends this one document.
  response.body = OpenApiV3Index(hashes);
  response.SetHeader("ETag", "\"" + UpperHash(response.body) + "\"");
  response.SetHeader("Vary", "Accept");
  return response;
}

}  // namespace skiff
