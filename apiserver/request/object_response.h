// Objects and lists of them as answers: as they are, as Tables, as metadata alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/text/table.h"
#include "api/type.h"
#include "apiserver/request/media.h"
#include "apiserver/request/request_context.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

// What an answer about objects of the request's kind may be.
MediaOffer OfferOf(const ApiRequest& request, MediaOffer offer = {});

// One object; `text` is its JSON in the version `kind`.
Result<http::Response> ObjectResponse(int code, const KindInfo& kind, std::string text,
                                      const ApiRequest& request, const MediaType& media);

struct ListMeta {
  std::string resource_version;
  std::string continue_token;
  int64_t remaining = 0;  // 0: not said
};
// ?includeObject
Result<IncludeObject> IncludeOf(const ApiRequest& request);
// The JSON text of ListMeta, as the API writes it.
std::string ListMetaText(const ListMeta& meta);

// `items` are JSON texts of whole objects.
Result<http::Response> ListResponse(const KindInfo& kind, const std::vector<std::string>& items,
                                    const ListMeta& meta, const ApiRequest& request,
                                    const MediaType& media);

// "core.Pod", "apps.Deployment": what a few refusals call a kind.
std::string InternalName(const KindInfo& kind);

// The same object as protobuf: whole, or its metadata alone where that is the target.
std::string ProtobufText(const KindInfo& kind, std::string_view text, const MediaType& media);

// A Table of one object's JSON text, with or without its columns.
std::string TableText(const KindInfo& kind, std::string_view text, TimePoint now,
                      std::string_view version, IncludeObject include, bool headers);

// {"kind":"PartialObjectMetadata",...} of an object's JSON text.
std::string PartialMetadataText(std::string_view text, std::string_view version);

}  // namespace skiff
