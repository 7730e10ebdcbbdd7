#include "apiserver/objects/etcd_size.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/protobuf.h"
#include "api/gen/apiextensions_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// What clients of etcd send at most; more they refuse themselves.
constexpr size_t kSentBytesMax = 2 << 20;
// With which etcd writes each request into its log.
constexpr size_t kLogHeaderBytes = 13;
// Of a shorter text nobody needs to know how long it is as protobuf, in which an object of empty
// fields may be a few times longer.
constexpr size_t kSmallBytes = kObjectBytesMax / 8;

// Of a field of a message of protobuf: its number, its length and what it holds.
size_t FieldBytes(size_t bytes) {
  size_t length = 1;
  for (size_t rest = bytes >> 7; rest != 0; rest >>= 7) ++length;
  return 1 + length + bytes;
}

// Whether its group is served by one of the two servers behind kube-apiserver that write JSON.
bool IsKeptAsJson(const KindInfo& kind) {
  return kind.api_version.starts_with("apiextensions.k8s.io/") ||
         kind.api_version.starts_with("apiregistration.k8s.io/");
}

// What a definition is shorter by in v1beta1, as which it is kept: there all versions of one schema
// have it once.
size_t SharedSchemaBytes(const apiextensions_v1::CustomResourceDefinition& definition) {
  const auto& versions = definition.spec.versions;
  if (versions.size() < 2 || !versions[0].schema) return 0;
  const auto& schema = versions[0].schema->open_api_v3_schema;
  const bool is_shared = schema && std::ranges::all_of(versions, [&](const auto& version) {
                           return version.schema && version.schema->open_api_v3_schema == schema;
                         });
  constexpr size_t kAroundBytes = std::string_view(R"("schema":{"openAPIV3Schema":},)").size();
  return is_shared ? (versions.size() - 1) * (kAroundBytes + schema->Text().size()) : 0;
}

size_t KeptBytes(const Object& object, std::string_view json) {
  const KindInfo& kind = object.kind();
  if (object.is_custom() || IsKeptAsJson(kind)) {
    const auto* definition = object.As<apiextensions_v1::CustomResourceDefinition>();
    return json.size() + 1 - (definition ? SharedSchemaBytes(*definition) : 0);  // A line end more.
  }
  const TypeMeta meta = {std::string(kind.api_version), std::string(kind.kind)};
  // Of the resourceVersion nothing is kept.
  return EncodeStructProtobuf(*kind.type, meta, object.raw()).size() -
         object.metadata().resource_version.size();
}

// The transaction that creates a key: unless it is there, it is put.
size_t TransactionBytes(size_t key, size_t value) {
  constexpr size_t kTarget = 2, kRevision = 2;
  const size_t compare = FieldBytes(kTarget + FieldBytes(key) + kRevision);
  const size_t put = FieldBytes(key) + FieldBytes(value);
  return compare + FieldBytes(FieldBytes(put));
}

}  // namespace

Result<> CheckFitsEtcd(const Object& object, std::string_view key, std::string_view json) {
  if (json.size() < kSmallBytes) return {};
  const size_t sent = TransactionBytes(key.size(), KeptBytes(object, json));
  if (sent > kSentBytesMax) {
    return Fail(
        PlainError(fmt::format("rpc error: code = ResourceExhausted desc = trying to send "
                               "message larger than max ({} vs. {})",
                               sent, kSentBytesMax)));
  }
  if (FieldBytes(sent) + kLogHeaderBytes > kObjectBytesMax) {
    return Fail(PlainError("etcdserver: request is too large"));
  }
  return {};
}

}  // namespace skiff
