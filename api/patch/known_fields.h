// The fields of new objects, as managedFields has them, by all that they follow from (field_walk.h
// calls that a shape): what is made by the thousand differs in values alone.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "api/values.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class KnownFields {
 public:
  // One for all.
  static KnownFields& Instance();
  // nullopt: it is to be found out.
  std::optional<RawJson> Find(const std::string& shape);
  void Learn(std::string shape, const RawJson& fields);

 private:
  // Of shapes and fields together; beyond that all are forgotten.
  static constexpr size_t kBytesMax = 512 << 10;

  Mutex mutex_;
  std::unordered_map<std::string, RawJson> fields_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skiff
