// What has changed, as a list: a line an object, and one for all that a controller made or removed.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "api/values.h"
#include "client/resource.h"

namespace skiff::cli {

// Whether two objects of one name are not the same: the first was deleted, and the name used again.
bool IsRecreated(const Json& then, const Json& now);

class Changes {
 public:
  // null: it was not there, or is not any more.
  void Add(const Resource& resource, const Json& then, const Json& now);
  size_t size() const { return count_; }
  // A table; "" of none.
  std::string Text(bool with_namespaces) const;

 private:
  struct Row {
    std::string change;  // "created", "changed", "deleted", "recreated"
    Resource resource;
    std::string namespace_;
    std::string controller;  // "ReplicaSet/web-7d9"; "" of what nobody made, and of what changed.
    std::string name;        // Of the first of them.
    size_t count = 1;

    auto Alike() const { return std::tie(change, resource, namespace_, controller); }
  };
  std::vector<Row> rows_;
  // Where the row is of all that a controller made or removed.
  std::map<std::tuple<std::string, Resource, std::string, std::string>, size_t> places_;
  size_t count_ = 0;
};

}  // namespace skiff::cli
