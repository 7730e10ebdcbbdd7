// What has changed, as a list: a line an object, and one for all that a controller made or removed.
#pragma once

#include <string>
#include <vector>

#include "api/values.h"
#include "client/resource.h"

namespace skiff::cli {

class Changes {
 public:
  // null: it was not there, or is not any more.
  void Add(const Resource& resource, const Json& then, const Json& now);
  size_t size() const { return count_; }
  // A table; "" of none.
  std::string Text(bool with_namespaces) const;

 private:
  struct Row {
    std::string change;  // "created", "changed", "deleted"
    Resource resource;
    std::string namespace_;
    std::string controller;  // "ReplicaSet/web-7d9"; "" of what nobody made, and of what changed.
    std::vector<std::string> names;
  };
  std::vector<Row> rows_;
  size_t count_ = 0;
};

}  // namespace skiff::cli
