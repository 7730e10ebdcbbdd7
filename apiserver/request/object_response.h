// Objects and lists of them as answers: as they are, as Tables, as metadata alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/struct_ptr.h"
#include "api/text/table.h"
#include "api/type.h"
#include "apiserver/request/media.h"
#include "apiserver/request/request_context.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

namespace crd {
struct CustomKind;
}  // namespace crd

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

// Null: the kind is built in.
const crd::CustomKind* DefinitionOf(const KindInfo& kind);

// "core.Pod", "apps.Deployment": what a few refusals call a kind.
std::string InternalName(const KindInfo& kind);

// The same object as protobuf: whole, or its metadata alone where that is the target.
std::string ProtobufText(const KindInfo& kind, std::string_view text, const MediaType& media);

// A Table of one object's JSON text, with or without its columns.
std::string TableText(const KindInfo& kind, std::string_view text, TimePoint now,
                      std::string_view version, IncludeObject include, bool headers);

// Objects are shown in Tables as the version that they are kept in, whichever was asked for.
TableOptions TableOptionsOf(const KindInfo& kind, TimePoint now, std::string_view version,
                            IncludeObject include);
// A Table's text up to the colon behind the name of its rows, which come last, in the order of the
// types; and the row of an object's JSON text, or nothing where that is damaged.
std::string TableHead(Json table);
void AppendTableRow(const KindInfo& kind, std::string_view text, const TableOptions& options,
                    std::string& out);

// An object's metadata, of its JSON text; "{}": it has none.
std::string MetadataText(std::string_view text);
// An object's JSON text as a struct of the type, which is built in; and its metadata alone, as
// PartialObjectMetadata.
StructPtr StructOf(const Type& type, std::string_view text);
StructPtr PartialStructOf(std::string_view text);
// {"kind":"PartialObjectMetadata",...} of an object's JSON text.
std::string PartialMetadataText(std::string_view text, std::string_view version);

}  // namespace skiff
