// Objects as they lie in etcd, to records: see storage/etcd_values.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/storage/store.h"

namespace skiff {

// JSON or enveloped protobuf of an object -> the value of its record, with `modified` as its
// resourceVersion; nullopt when it is no object. An ObjectReader.
std::optional<std::string> RecordValueFromEtcd(std::string_view bytes, Revision modified);

// JSON of an object of a built-in kind as enveloped protobuf; nullopt of others. An ProtobufWriter.
std::optional<std::string> ProtobufForEtcd(std::string_view json);

}  // namespace skiff
