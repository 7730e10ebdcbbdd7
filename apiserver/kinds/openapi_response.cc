#include "apiserver/kinds/openapi_response.h"

#include <algorithm>
#include <set>
#include <span>

#include "api/codec/json.h"
#include "api/openapi/kinds_by_document.h"
#include "api/openapi/openapi_v2.h"
#include "api/openapi/openapi_v3.h"
#include "apiserver/kinds/document_hash.h"
#include "apiserver/request/media.h"
#include "apiserver/request/respond.h"
#include "base/gzip.h"

namespace skiff {
namespace {

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

// Of those that a document tells of, by its key: of one version, "apis/example.com/v1". That of a
// group tells of none, nor that of a version that is built in.
std::map<std::string, Serials, std::less<>> SerialsByKey(const KindSet& kinds) {
  std::map<std::string, Serials, std::less<>> by_key;
  std::set<std::string> built_in;
  for (const KindInfo* kind : kinds.kinds()) {
    std::string key = "apis/" + std::string(kind->api_version);
    if (const RuntimeKind* runtime = RuntimeKindOf(*kind)) {
      by_key[std::move(key)].push_back(runtime->serial);
    } else {
      built_in.insert(std::move(key));
    }
  }
  for (const std::string& key : built_in) by_key.erase(key);
  return by_key;
}

// The same of the one document of that key.
Serials SerialsIn(const KindSet& kinds, std::string_view key) {
  constexpr std::string_view kGroups = "apis/";
  Serials serials;
  if (!key.starts_with(kGroups)) return serials;
  key.remove_prefix(kGroups.size());
  for (const KindInfo* kind : kinds.kinds()) {
    if (kind->api_version != key) continue;
    const RuntimeKind* runtime = RuntimeKindOf(*kind);
    if (runtime == nullptr) return {};
    serials.push_back(runtime->serial);
  }
  return serials;
}

// Whether who asks has it already: the answer says that then. Else it says what it has to be known
// by.
bool IsKnown(const http::Request& request, const std::string& hash, http::Response& response) {
  const std::string tag = "\"" + hash + "\"";
  response.SetHeader("ETag", tag);
  if (request.Header("If-None-Match") != tag) return false;
  response.status = 304;
  return true;
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

// Those of others as they are asked for, as many as there is room for: one that goes beyond it is
// left out, and what comes after may still fit.
class UnpackedInTurn {
 public:
  explicit UnpackedInTurn(const std::vector<PackedDocumentPtr>& packed) : packed_(packed) {}
  std::optional<Json> operator()() {
    while (next_ < packed_.size()) {
      const PackedDocument& packed = *packed_[next_++];
      if (packed.values > values_left_ || packed.bytes > bytes_left_) continue;
      values_left_ -= packed.values;
      bytes_left_ -= packed.bytes;
      if (auto document = ParseJson(Gunzip(packed.packed))) return *std::move(document);
    }
    return std::nullopt;
  }

 private:
  const std::vector<PackedDocumentPtr>& packed_;
  size_t next_ = 0;
  size_t values_left_ = kOthersValuesMax;
  size_t bytes_left_ = kOthersBytesMax;
};

}  // namespace

OpenApiDocuments::DocumentPtr OpenApiDocuments::KeptV2(bool protobuf) {
  const MutexLock lock(mutex_);
  return protobuf ? v2_protobuf_ : v2_json_;
}

OpenApiDocuments::DocumentsPtr OpenApiDocuments::KeptV3() {
  const MutexLock lock(mutex_);
  return v3_;
}

OpenApiDocuments::DocumentPtr OpenApiDocuments::V2(const KindSet& kinds, bool protobuf,
                                                   const OtherDocuments& others) {
  Serials serials = SerialsOf(kinds);
  std::vector<std::string> hashes;
  for (const PackedDocumentPtr& other : others) hashes.push_back(other->hash);
  const auto is_of_now = [&](const DocumentPtr& kept) {
    return kept != nullptr && kept->serials == serials && kept->others == hashes;
  };
  if (auto kept = KeptV2(protobuf); is_of_now(kept)) return kept;
  const MutexLock turn(making_);
  if (auto kept = KeptV2(protobuf); is_of_now(kept)) return kept;
  const UnpackedInTurn unpacked(others);
  const std::string text = protobuf ? OpenApiV2Protobuf(kinds.kinds(), unpacked)
                                    : OpenApiV2Document(kinds.kinds(), unpacked);
  auto made = std::make_shared<const Document>(Document{.packed = Gzip(text),
                                                        .hash = DocumentHash(text),
                                                        .serials = std::move(serials),
                                                        .others = std::move(hashes)});
  const MutexLock lock(mutex_);
  (protobuf ? v2_protobuf_ : v2_json_) = made;
  return made;
}

// Only what other kinds are in by now is made anew.
OpenApiDocuments::DocumentsPtr OpenApiDocuments::V3(const KindSet& kinds) {
  Serials all = SerialsOf(kinds);
  if (auto kept = KeptV3(); kept != nullptr && kept->serials == all) return kept;
  const MutexLock turn(making_);
  const DocumentsPtr before = KeptV3();
  if (before != nullptr && before->serials == all) return before;
  auto next = std::make_shared<Documents>();
  const KindsByDocument by_document(kinds.kinds());
  auto by_key = SerialsByKey(kinds);
  for (const std::string& key : OpenApiV3Keys(kinds.kinds())) {
    Serials serials = std::move(by_key[key]);
    // The list of groups is in none of a group's own documents.
    if (before != nullptr) {
      const auto kept = before->by_key.find(key);
      if (kept != before->by_key.end() && kept->second->serials == serials) {
        next->by_key.insert(*kept);
        continue;
      }
    }
    const auto text = OpenApiV3Document(by_document.Of(key), key);
    if (!text) continue;
    next->by_key[key] = std::make_shared<const Document>(Document{
        .packed = Gzip(*text), .hash = DocumentHash(*text), .serials = std::move(serials)});
  }
  next->serials = std::move(all);
  const MutexLock lock(mutex_);
  v3_ = next;
  std::erase_if(messages_, [&](const auto& each) { return !next->by_key.contains(each.first); });
  return next;
}

OpenApiDocuments::DocumentPtr OpenApiDocuments::V3Of(const KindSet& kinds, std::string_view key) {
  const auto in = [&](const Documents& documents) {
    const auto found = documents.by_key.find(key);
    return found == documents.by_key.end() ? nullptr : found->second;
  };
  if (const DocumentsPtr kept = KeptV3()) {
    // Whatever has become of the others.
    auto document = in(*kept);
    if (document != nullptr && document->serials == SerialsIn(kinds, key)) return document;
  }
  return in(*V3(kinds));
}

std::shared_ptr<const std::string> OpenApiDocuments::KeptMessage(std::string_view key,
                                                                 const DocumentPtr& document) {
  const MutexLock lock(mutex_);
  const auto found = messages_.find(key);
  return found != messages_.end() && found->second.of == document ? found->second.packed : nullptr;
}

std::shared_ptr<const std::string> OpenApiDocuments::MessageOf(const KindSet& kinds,
                                                               std::string_view key,
                                                               const DocumentPtr& document) {
  if (auto kept = KeptMessage(key, document)) return kept;
  const MutexLock turn(making_);
  if (auto kept = KeptMessage(key, document)) return kept;
  auto packed = std::make_shared<const std::string>(
      Gzip(OpenApiV3Protobuf(kinds.kinds(), key).value_or("")));
  const MutexLock lock(mutex_);
  messages_[std::string(key)] = {document, packed};
  return packed;
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
  const DocumentPtr document = V2(kinds, *protobuf, others);
  if (IsKnown(request, document->hash, response)) return response;
  response.content_type = *protobuf ? std::string(kV2Protobuf[0]) : "application/json";
  SetBody(request, document->packed, response);
  return response;
}

http::Response OpenApiDocuments::AnswerV3(const KindSet& kinds, const http::Request& request,
                                          std::string_view key) {
  http::Response response;
  const DocumentPtr document = V3Of(kinds, key);
  if (document == nullptr) {
    response.status = 404;
    return response;
  }
  const auto protobuf = WantsProtobuf(request, kV3Protobuf);
  if (!protobuf) {
    response.status = 406;
    return response;
  }
  if (const auto hash = request.Query("hash")) {
    if (*hash != document->hash) {
      response.status = 301;
      response.content_type = "application/json";
      response.SetHeader("Location", "/openapi/v3/" + std::string(key) + "?hash=" + document->hash);
      return response;
    }
    response.SetHeader("Cache-Control", "public, immutable");
  }
  response.SetHeader("Vary", "Accept");
  // Both forms have one hash, that of the JSON: they are of one document.
  if (IsKnown(request, document->hash, response)) return response;
  response.content_type = *protobuf ? std::string(kV3Protobuf[0]) : "application/json";
  SetBody(request, *protobuf ? *MessageOf(kinds, key, document) : document->packed, response);
  return response;
}

http::Response OpenApiDocuments::AnswerIndex(const KindSet& kinds, const http::Request& request,
                                             const Hashes& others) {
  std::map<std::string, std::string> by_key(others.begin(), others.end());
  for (const auto& [key, document] : V3(kinds)->by_key) by_key.emplace(key, document->hash);
  http::Response response;
  std::string index = OpenApiV3Index(Hashes(by_key.begin(), by_key.end()));
  response.SetHeader("Vary", "Accept");
  if (IsKnown(request, DocumentHash(index), response)) return response;
  response.content_type = "text/plain; charset=utf-8";  // As Kubernetes sends this one document.
  response.body = std::move(index);
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
  return AnswerIndex(kinds, request, others.v3);
}

}  // namespace skiff
