// How large an object is where kube-apiserver keeps it: in etcd, built-in kinds as protobuf; custom
// resources, their definitions and APIServices as the JSON that we keep as well. That decides what
// is too large, whatever store is below: in our own text a line end has two bytes, and a NUL six.
#pragma once

#include <string_view>

#include "apiserver/objects/object.h"
#include "base/error.h"

namespace skiff {

// Refuses an object that etcd would not take under that key, in the words that kube-apiserver has
// for it then. `json` is the object's text.
Result<> CheckFitsEtcd(const Object& object, std::string_view key, std::string_view json);

}  // namespace skiff
