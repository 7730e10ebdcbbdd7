// Generated structs and documents <-> Kubernetes protobuf, over the same tables as JSON. An object
// travels in an envelope: the bytes "k8s\0", then {1: {1: apiVersion, 2: kind}, 2: object, 3:
// encoding, 4: content type}.
//
//   const auto envelope = TRY(OpenEnvelope(body));
//   TRY(DecodeProtobufInto(core_v1::Pod::Describe(), envelope.raw, &pod));
//   std::string bytes = EncodeStructProtobuf(core_v1::Pod::Describe(), {"v1", "Pod"}, &pod);
#pragma once

#include <string>
#include <string_view>

#include "api/codec/decode.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

// Messages nested deeper are refused.
inline constexpr int kProtobufDepthMax = 10'000;

struct ProtobufEnvelope {
  TypeMeta type;
  std::string_view raw;  // Points into the body.
};
// Fails with BadRequest and Kubernetes' text.
Result<ProtobufEnvelope> OpenEnvelope(std::string_view body);
// Into normal form, without kind and apiVersion. Unknown fields are passed over.
Result<Json> DecodeProtobuf(const Type& type, std::string_view raw);
// Into `object`, a fresh struct of that type, with no document between. After an error it holds
// part of the message.
Result<> DecodeProtobufInto(const Type& type, std::string_view raw, void* object);

// `document` in normal form; enveloped. Its kind and apiVersion are those of `meta`.
std::string EncodeProtobuf(const Type& type, const TypeMeta& meta, const Json& document);
// The same of `object`, a struct of that type.
std::string EncodeStructProtobuf(const Type& type, const TypeMeta& meta, const void* object);
// A list of documents in normal form: {metadata: ListMeta, items: [documents]}.
std::string EncodeProtobufList(const Type& item, const TypeMeta& meta, const Json& list);
// A list piece by piece: a head, which tells how many bytes all items together come to; the items,
// structs of their type; and what follows them.
std::string ProtobufListHead(const TypeMeta& meta, const Json& list_metadata, size_t items_bytes);
std::string ProtobufListItem(const Type& item, const void* object);
std::string ProtobufListTail();
// A frame of a watch: four bytes of length, then a WatchEvent around an enveloped object.
std::string EncodeWatchFrame(std::string_view event, std::string_view enveloped);

}  // namespace skiff
