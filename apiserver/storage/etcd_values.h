// How a value of the store lies in etcd.
//
// An object lies there as kube-apiserver writes it when told to store JSON, so that tools which
// read a cluster's etcd can read ours:
//
//   {"kind":"Pod","apiVersion":"v1","metadata":{"name":"web",...},...}\n
//
// without a resourceVersion, which is the key's mod_revision; one that is large lies there as
// protobuf, as JSON's escapes may make more of it than etcd takes. The header that our records
// carry in front of the JSON (record_header.h) is made again from the JSON on the way in; what
// kube-apiserver itself wrote, JSON or protobuf, is read the same way. Any other value is framed:
//
//   "skiff\0"  be64 place of the revision (all ones: nowhere)  bytes
//
// Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/storage/store.h"

namespace skiff {

// Turns JSON or protobuf of an object into the value of its record, with the revision in it;
// nullopt when it is no object. Any thread.
using ObjectReader =
    std::function<std::optional<std::string>(std::string_view bytes, Revision modified)>;

// Turns such JSON into protobuf; nullopt of what has none, as a custom resource. Any thread.
using ProtobufWriter = std::function<std::optional<std::string>(std::string_view json)>;

// Of Write::value and Write::revision_at.
std::string ToEtcd(std::string_view value, size_t revision_at,
                   const ProtobufWriter& write_object = {});
// Of any value, framed.
std::string FramedForEtcd(std::string_view value, size_t revision_at);
// What is no object and not framed is the value itself. `read_object` may be empty.
std::string FromEtcd(std::string_view bytes, Revision modified, const ObjectReader& read_object);

}  // namespace skiff
